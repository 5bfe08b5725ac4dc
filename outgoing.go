package socketio

import "github.com/seed96b07ef8/socketio/adapter"

// observed makes a broadcast and shows it to those who want to see what is sent
// to the sockets that it is for. The adapter may deliver under a lock, so that is
// done here and not on delivery.
func (n *Namespace) observed(p *adapter.Packet, t adapter.Target, broadcast func() error) error {
	sent := n.server.opts.Hooks.EventSent
	if sent == nil && !n.server.watchOutgoing.Load() {
		return broadcast()
	}
	sockets := n.local(t)
	for _, s := range sockets {
		s.noteOutgoing(p.Event, p.Args)
	}
	err := broadcast()
	if err == nil && sent != nil {
		for _, s := range sockets {
			sent(s, p.Event, p.Message.Len())
		}
	}
	return err
}

// noteOutgoing shows an event that is about to be sent.
func (s *Socket) noteOutgoing(event string, args []any) {
	if !s.nsp.server.watchOutgoing.Load() {
		return
	}
	each(&s.nsp.registry, func(r *registry) *hooks[func(*Socket, string, []any)] { return &r.outgoing }, func(f func(*Socket, string, []any)) bool {
		f(s, event, args)
		return true
	})
	if extra := s.registered(); extra != nil {
		for _, f := range extra.outgoing.Load() {
			(*f)(event, args)
		}
	}
}
