package socketio

import (
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/internal/offset"
	"github.com/seed96b07ef8/socketio/internal/seam"
	"github.com/seed96b07ef8/socketio/parser"
)

// send encodes an event and hands it to the connection.
func (e Emitter) send(h parser.Header, event string, args []any) error {
	s := e.socket
	if err := s.err(); err != nil {
		return err
	}
	if !h.HasID && e.flags&engine.Volatile == 0 && s.hasSession() {
		return e.sendRecoverable(event, args)
	}
	return refused(s, event, s.transmit(h, event, args, e.flags, s.hooks().EventSent))
}

// transmit encodes an event or an acknowledgement and hands it to the connection. It
// calls sent, if it is not nil, with the size.
func (s *Socket) transmit(h parser.Header, event string, args []any, flags engine.Flags, sent func(s *Socket, event string, bytes int)) error {
	server := s.nsp.server
	h.Namespace = s.nsp.name
	encoded := args
	if h.Type == parser.Event && !h.HasID && s.nsp.recoverer() != nil && !s.conn.legacy() {
		encoded = offset.Unmistakable(args)
	}
	p, err := server.encodeParts(h, event, encoded)
	if err != nil {
		return err
	}
	defer p.release()
	if h.Type == parser.Event {
		s.noteOutgoing(event, args)
	}
	if sent != nil || !s.admitted.Load() || server.opts.Codec.Binary() {
		m := p.message(server)
		if sent != nil {
			sent(s, event, m.Len())
		}
		return s.deliver(m, flags)
	}
	// It has one receiver, so it need not be a Message.
	return s.failure(s.conn.engine.Internal(seam.Key{}).SendText(p.data, p.attachments, flags))
}

// sendRecoverable sends an event by way of the adapter, which keeps it in case it
// gets lost, unless it cannot be queued.
func (e Emitter) sendRecoverable(event string, args []any) error {
	s := e.socket
	p := &adapter.Packet{Event: event, Args: args, Flags: e.flags}
	err := s.nsp.recoverer().Emit(member{s}, p, func(p *adapter.Packet) error { return s.deliver(p.Message, p.Flags) })
	defer s.conn.engine.Flush() // after an error, too, which may end the connection
	if wasEncoded(p, err) {
		s.noteOutgoing(event, args)
	}
	if f := s.hooks().EventSent; f != nil && err == nil && p.Message != nil {
		f(s, event, p.Message.Len())
	}
	return refused(s, event, err)
}

// wasEncoded reports whether the event of p, which an adapter was to send, could be encoded.
// err is the result. An adapter sets the Message before anything else can fail.
func wasEncoded(p *adapter.Packet, err error) bool { return err == nil || p.Message != nil }

// refused says which event there was no room for.
func refused(s *Socket, event string, err error) error {
	if err != engine.ErrOutboxFull {
		return err
	}
	return fmt.Errorf("socketio: event %q to %s: %w; see OutboxBytes, OutboxMessages and Overflow of Options.Engine", clip.Text(event, clip.Quote), s.id, err)
}

// deliver hands an encoded packet to the connection, or keeps it until the client
// knows that it is connected.
func (s *Socket) deliver(m *engine.Message, flags engine.Flags) error {
	if !s.admitted.Load() && s.hold(&adapter.Packet{Message: m, Flags: flags}) {
		return nil
	}
	return s.failure(s.conn.engine.Send(m, flags))
}

// queueLocked is deliver for a message that the next Flush sends. An error means that the
// connection has ended, or is about to.
func (s *Socket) queueLocked(m *engine.Message, flags engine.Flags) {
	if !s.holdPacketLocked(&adapter.Packet{Message: m, Flags: flags}) {
		_ = s.conn.engine.Send(m, flags|engine.Deferred)
	}
}

// failure returns why something could not be sent, or nil.
func (s *Socket) failure(err error) error {
	if err != nil {
		if gone := s.err(); gone != nil {
			return gone
		}
	}
	return err
}

// observed makes a broadcast and shows it to those who want to see what is sent
// to the sockets that it is for. The adapter may deliver under a lock, so that is
// done here and not on delivery.
func (n *Namespace) observed(p *adapter.Packet, t adapter.Target, broadcast func() error) error {
	sent := n.server.opts.Hooks.EventSent
	if sent == nil && !n.server.watchOutgoing.Load() {
		return broadcast()
	}
	sockets := n.local(t)
	err := broadcast()
	if wasEncoded(p, err) {
		for _, s := range sockets {
			s.noteOutgoing(p.Event, p.Args)
		}
	}
	if err == nil && sent != nil && p.Message != nil {
		for _, s := range sockets {
			sent(s, p.Event, p.Message.Len())
		}
	}
	return err
}

// noteOutgoing shows an event to the functions of OnAnyOutgoing once it is encoded.
func (s *Socket) noteOutgoing(event string, args []any) {
	if !s.nsp.server.watchOutgoing.Load() {
		return
	}
	for f := range s.nsp.outgoing.all() {
		f(s, event, args)
	}
	if extra := s.registered(); extra != nil {
		for _, f := range extra.outgoing.Load() {
			(*f)(event, args)
		}
	}
}

// encode makes the message of a packet in the namespace.
func (n *Namespace) encode(h parser.Header, event string, args []any) (*engine.Message, error) {
	h.Namespace = n.name
	return n.server.encode(h, event, args)
}

func (s *Server) encode(h parser.Header, event string, args []any) (*engine.Message, error) {
	p, err := s.encodeParts(h, event, args)
	if err != nil {
		return nil, err
	}
	defer p.release()
	return p.message(s), nil
}

// encodedPacket is a packet that is about to be sent.
type encodedPacket struct {
	data        []byte
	attachments [][]byte
	scratch     *[]byte
}

// encodeParts encodes a packet. Unless there is an error, what it returns is to be
// released.
func (s *Server) encodeParts(h parser.Header, event string, args []any) (p encodedPacket, err error) {
	p.scratch = scratch.Get().(*[]byte)
	p.data, p.attachments, err = s.opts.Codec.Append((*p.scratch)[:0], h, event, args)
	if err == nil {
		err = s.checkAttachments(len(p.attachments))
	}
	if err != nil {
		scratch.Put(p.scratch)
		return encodedPacket{}, unencodable(h, event, err)
	}
	return p, nil
}

// checkAttachments returns an error if an event has too many.
func (s *Server) checkAttachments(n int) error {
	if limit := s.opts.Limits.MaxAttachments; n > limit {
		return &LimitError{Option: "Limits.MaxAttachments", Max: limit}
	}
	return nil
}

// encodeBody makes the message of an event that has been encoded already, with the offset.
func (s *Server) encodeBody(h parser.Header, p *adapter.Packet) (*engine.Message, error) {
	if err := s.checkAttachments(len(p.Body.Attachments)); err != nil {
		return nil, unencodable(h, p.Event, err)
	}
	buffer := scratch.Get().(*[]byte)
	text, err := p.Body.Append((*buffer)[:0], h, p.Offset)
	if err != nil {
		scratch.Put(buffer)
		return nil, unencodable(h, p.Event, err)
	}
	e := encodedPacket{data: text, attachments: p.Body.Attachments, scratch: buffer}
	defer e.release()
	return e.message(s), nil
}

// unencodable adds to an error which packet cannot be encoded.
func unencodable(h parser.Header, event string, err error) error {
	nsp := clip.Text(h.Namespace, clip.Quote)
	switch arg, ok := errors.AsType[*ArgError](err); {
	case h.Type != parser.Event:
		return err
	case ok && arg.Type != nil && arg.Type.Kind() == reflect.Func:
		return fmt.Errorf("socketio: event %q of %s: %w; to get an acknowledgement, use EmitWithAck or Call", clip.Text(event, clip.Quote), nsp, err)
	}
	return fmt.Errorf("socketio: event %q of %s: %w", clip.Text(event, clip.Quote), nsp, err)
}

func (p *encodedPacket) release() {
	if cap(p.data) <= maxScratch {
		*p.scratch = p.data[:0]
	}
	scratch.Put(p.scratch)
}

func (p *encodedPacket) message(s *Server) *engine.Message {
	if s.opts.Codec.Binary() {
		return engine.NewBinaryMessage(p.data)
	}
	return engine.NewTextMessage(p.data, p.attachments...)
}

var scratch = sync.Pool{New: func() any {
	b := make([]byte, 0, 512)
	return &b
}}

// Larger buffers are left to the garbage collector.
const maxScratch = 64 << 10
