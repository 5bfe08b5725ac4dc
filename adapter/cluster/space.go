package cluster

import (
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// A space is a namespace as the cluster sees it. It has one adapter, except when a namespace
// ends while another of the same name begins: then messages are for the latter.
type space struct {
	p        *Provider
	name     string
	roster   *roster
	requests *requests // of this node
	ghosts   ghosts    // that the bus counts
	joins    joins     // of sockets on other nodes
	events   serverEvents
	users    int // adapters; guarded by Provider.attaching
	current  atomic.Pointer[Adapter]
}

func newSpace(p *Provider, name string) *space {
	s := &space{p: p, name: name, requests: newRequests()}
	s.roster = p.members.roster(s)
	s.events.failed = func(err error) { p.drops.note(DropFailed, "", name, err) }
	return s
}

func (s *space) close() {
	s.roster.close()
	s.requests.close()
	s.events.close()
}

// announce says that this node has the namespace, and asks other nodes whether they have it.
func (s *space) announce(to Destination) {
	_ = s.send(&Message{Kind: InitialHeartbeat}, to) // an error is that of a full queue
}

// doubt is called with nodes that have not answered a request. They may be alive but not have the
// namespace anymore, if that message was lost, so they are asked: those that do not answer that
// either are removed from the roster by the next sweeps.
func (s *space) doubt(missing []string) {
	for _, id := range missing {
		if s.roster.doubt(id, time.Now()) {
			s.announce(Destination{Kind: ToNode, Node: id})
		}
	}
}

// send sends a message to other nodes. A message that is dropped because the queue is full is
// counted, and the error is adapter.ErrQueueFull.
func (s *space) send(m *Message, to Destination) error {
	wire, err := s.encode(m)
	if err != nil {
		return err
	}
	return s.publish(m, wire, to, false)
}

// encode writes a message of this namespace.
func (s *space) encode(m *Message) ([]byte, error) {
	m.Namespace = s.name
	return s.p.encode(m)
}

// publish queues a message that was encoded.
func (s *space) publish(m *Message, wire []byte, to Destination, volatile bool) error {
	err := s.p.lane(s.name).add(Outgoing{Namespace: s.name, To: to, Message: m, Wire: wire}, volatile)
	if err == adapter.ErrQueueFull {
		s.p.drops.note(DropQueueFull, "", s.name, nil)
	}
	return err
}

// answer sends the answer to a request of another node.
func (s *space) answer(to string, m *Message) {
	if err := s.send(m, Destination{Kind: ToNode, Node: to}); err != nil && err != adapter.ErrQueueFull {
		s.p.drops.note(DropFailed, to, s.name, err)
	}
}

// receive handles a message of another node. h is only valid during the call.
func (s *space) receive(h *Header, wire []byte) {
	member := s.member(h)
	a := s.current.Load()
	if h.Kind == Broadcast && len(h.RequestID) == 0 && !a.wants(h) {
		return
	}
	if s.isDuplicate(h, member) {
		s.p.drops.note(DropDuplicate, string(h.Sender), s.name, nil)
		return
	}
	switch h.Kind {
	case InitialHeartbeat, Heartbeat, AdapterClose:
		s.receiveMembership(h)
		return
	}
	m, err := s.p.codec.Decode(wire, s.p.limits)
	if err != nil {
		s.p.drops.note(reasonOf(err), string(h.Sender), s.name, err)
		return
	}
	if m.Kind.Answer() {
		s.receiveAnswer(m, len(wire))
		return
	}
	a.apply(m)
}

// member returns the sender of a message, or nil if it is not a node, or one too many. A
// node that is not known yet becomes a member: on a bus whose nodes are counted, some send no
// heartbeats, and on others a heartbeat will follow.
func (s *space) member(h *Header) *member {
	if e := s.roster.find(h.Sender); e != nil {
		return e
	}
	if len(h.Sender) == 0 || string(h.Sender) == Emitter || h.Kind == AdapterClose {
		return nil
	}
	id := string(h.Sender)
	_, counted := s.p.driver.(CountingDriver)
	e, _, err := s.roster.add(id, !counted, time.Now())
	if err != nil {
		s.p.drops.note(DropMembers, id, s.name, err)
		return nil
	}
	return e
}

// isDuplicate reports whether a message was received before. Answers without a number are
// compared in the table of requests.
func (s *space) isDuplicate(h *Header, member *member) bool {
	switch {
	case h.Seq != 0 && member != nil:
		return member.window.duplicate(h.Seq)
	case len(h.RequestID) == 0 || h.Kind.Answer() || len(h.RequestID) > maxNodeID || len(h.Sender) > maxNodeID:
		return false
	}
	return s.p.requests.duplicate(requestKey{string(h.Sender), string(h.RequestID)}, time.Now())
}

// receiveMembership handles the messages by which nodes join and leave the namespace.
func (s *space) receiveMembership(h *Header) {
	id := string(h.Sender)
	if h.Kind == AdapterClose {
		if s.roster.remove(id) {
			s.requests.left(id, false)
		}
		return
	}
	if id == "" || id == Emitter {
		return
	}
	if _, _, err := s.roster.add(id, true, time.Now()); err != nil {
		return // member has counted it
	}
	if h.Kind == InitialHeartbeat {
		var to Destination
		if s.p.traits.NodeHeartbeats {
			to = Destination{Kind: ToNode, Node: id}
		}
		_ = s.send(&Message{Kind: Heartbeat}, to) // an error is that of a full queue
	}
}

// receiveAnswer handles the answer to a request of this node.
func (s *space) receiveAnswer(m *Message, size int) {
	switch s.requests.answer(m, m.Sender, size) {
	case late:
		s.p.drops.note(DropLate, m.Sender, s.name, nil)
	case duplicate:
		s.p.drops.note(DropDuplicate, m.Sender, s.name, nil)
	case tooLarge:
		s.p.drops.note(DropAnswers, m.Sender, s.name, nil)
	}
}

// messageFlags are those that are sent to other nodes.
const messageFlags = engine.Volatile | engine.NoCompress

// maxClients bounds the clients that one node may announce.
const maxClients = 1_000_000

// resultName stands for the name of an event, which a result has not.
const resultName = "r"

// resultBody returns the Body of at most one argument.
func resultBody(args ...any) (parser.Body, error) {
	if len(args) > 1 {
		args = args[:1]
	}
	body, err := parser.EncodeBody(resultName, args)
	if err != nil {
		return parser.Body{}, err
	}
	if len(args) == 0 {
		return parser.Body{JSON: []byte("[]")}, nil
	}
	text := body.JSON[len(`"r",`):] // which begins with [" "r",
	text[0] = '['
	return parser.Body{JSON: text, Attachments: body.Attachments}, nil
}

// resultArgs returns the arguments of a Body that is a result.
func resultArgs(b parser.Body) (parser.Args, error) {
	if string(b.JSON) == "[]" {
		return parser.Args{}, nil
	}
	text := make([]byte, 0, len(b.JSON)+len(`"r",`))
	text = append(text, `["r",`...)
	text = append(text, b.JSON[1:]...)
	_, args, err := eventArgs(parser.Body{JSON: text, Attachments: b.Attachments})
	return args, err
}

// eventArgs returns the name and the arguments of a Body that is an event.
func eventArgs(b parser.Body) (string, parser.Args, error) {
	p, err := b.Packet(bodyLimits)
	if err != nil {
		return "", parser.Args{}, err
	}
	return p.Event, p.Args, nil
}
