package socketio

import (
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/internal/offset"
	"github.com/seed96b07ef8/socketio/parser"
)

var scratch = sync.Pool{New: func() any {
	b := make([]byte, 0, 512)
	return &b
}}

// Larger buffers are left to the garbage collector.
const maxScratch = 64 << 10

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
	if err == nil && len(p.attachments) > s.opts.Limits.MaxAttachments {
		err = &LimitError{Option: "Limits.MaxAttachments", Max: s.opts.Limits.MaxAttachments}
	}
	if err != nil {
		scratch.Put(p.scratch)
		return encodedPacket{}, unencodable(h, event, err)
	}
	return p, nil
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

// transmit encodes an event or an acknowledgement and hands it to the connection.
// sent, if it is not nil, is told the size.
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
	// Nobody else is to get it, so it need not be a Message.
	return s.failure(s.conn.engine.SendText(p.data, p.attachments, flags))
}
