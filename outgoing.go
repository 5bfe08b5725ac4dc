package socketio

import "github.com/seed96b07ef8/socketio/adapter"

// noteBroadcast shows a broadcast to those who want to see what is sent to the
// sockets that it is for.
func (n *Namespace) noteBroadcast(p *adapter.Packet, t adapter.Target) {
	if !n.server.watchOutgoing.Load() {
		return
	}
	for _, s := range n.local(t) {
		s.noteOutgoing(p.Event, p.Args)
	}
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
		for _, f := range extra.outgoing.load() {
			(*f)(event, args)
		}
	}
}
