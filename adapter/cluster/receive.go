package cluster

import (
	"errors"
	"fmt"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
)

// inbound is a Provider as its driver sees it.
type inbound struct{ p *Provider }

var _ Inbound = inbound{}

// State implements [Inbound].
func (in inbound) State(link string, s adapter.LinkState, err error) {
	in.p.health.set(link, fromDriver, s, err)
}

// Attached implements [Inbound].
func (in inbound) Attached(namespace string) {
	if s := in.p.space(namespace); s != nil {
		s.announce(Destination{})
	}
}

// Receive implements [Inbound]. Most messages of a large cluster concern no socket of this
// node: whether one does is decided by its header, without allocating.
func (in inbound) Receive(namespace string, wire []byte) {
	p := in.p
	if !p.started.Load() {
		return
	}
	h := p.headers.Get().(*Header)
	defer p.received(namespace, h)
	if err := p.codec.Header(h, wire, p.limits); err != nil {
		h.Reset()
		p.drops.note(reasonOf(err), "", namespace, err)
		return
	}
	if string(h.Sender) == p.self {
		if h.Kind == Heartbeat {
			p.pulse.echoed()
		}
		return
	}
	if namespace == "" {
		namespace = p.nameOf(h)
	}
	if namespace == "" && len(h.Namespace) == 0 {
		p.receiveNode(h)
		return
	}
	if s := p.space(namespace); s != nil {
		s.receive(h, wire)
	}
}

// nameOf returns the namespace of a message that came by a channel for all namespaces, or ""
// if it is not one of this node.
func (p *Provider) nameOf(h *Header) string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if s := p.spaces[string(h.Namespace)]; s != nil {
		return s.name
	}
	return ""
}

// received ends Receive. It keeps a message that cannot be handled from ending the goroutine that
// reads the bus.
func (p *Provider) received(namespace string, h *Header) {
	if v := recover(); v != nil {
		p.drops.note(DropFailed, string(h.Sender), namespace, fmt.Errorf("panic: %v", v))
	}
	p.headers.Put(h)
}

// reasonOf returns the reason for dropping a message that a codec does not accept.
func reasonOf(err error) DropReason {
	switch {
	case errors.Is(err, ErrUnknown):
		return DropUnknown
	case errors.Is(err, ErrLimit):
		return DropLimit
	}
	return DropMalformed
}

// receiveNode handles a message that is not about a namespace.
func (p *Provider) receiveNode(h *Header) {
	switch h.Kind {
	case InitialHeartbeat, Heartbeat:
		if p.members.heard(h.Sender) && h.Kind == Heartbeat {
			return
		}
		id := string(h.Sender)
		added, err := p.members.meet(id, true, time.Now())
		switch {
		case err != nil:
			p.drops.note(DropMembers, id, "", err)
		case h.Kind == InitialHeartbeat:
			_ = p.sendNode(Heartbeat) // an error is that of a full queue
		case added:
			// It was here before and silent for a while, or its first messages were lost:
			// it is to say which namespaces it has.
			for _, s := range p.all() {
				s.announce(Destination{Kind: ToNode, Node: id})
			}
		}
	case AdapterClose:
		if d, ok := p.members.remove(string(h.Sender)); ok {
			p.departed(d, false)
		}
	default:
		p.drops.note(DropUnknown, string(h.Sender), "", nil)
	}
}

// departed completes the requests that wait for a node that has left.
func (p *Provider) departed(d departure, silent bool) {
	for _, r := range d.rosters {
		r.space.requests.left(d.id, silent)
	}
}
