package socketio

import (
	"sync"

	"github.com/seed96b07ef8/socketio/engine"
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
	buf := scratch.Get().(*[]byte)
	data, attachments, err := s.opts.Codec.Append((*buf)[:0], h, event, args)
	if err != nil {
		scratch.Put(buf)
		return nil, err
	}
	if len(attachments) > s.opts.Limits.MaxAttachments {
		scratch.Put(buf)
		return nil, &LimitError{Option: "Limits.MaxAttachments", Max: s.opts.Limits.MaxAttachments}
	}
	var m *engine.Message
	if s.opts.Codec.Binary() {
		m = engine.NewBinaryMessage(data)
	} else {
		m = engine.NewTextMessage(data, attachments...)
	}
	if cap(data) <= maxScratch {
		*buf = data[:0]
	}
	scratch.Put(buf)
	return m, nil
}
