package main

import (
	"strconv"
	"strings"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/parser"
)

// A tellingCodec is a codec that exposes information that package client does not.
//
// The names of events show whether the server requests an acknowledgement, which OnAny
// does not. An event with an acknowledgement gets a unique name, for which handle
// registers a handler.
//
// The codec recognizes a server of Socket.IO 2 by its first packet, which the
// client ignores if it arrives before the socket is ready.
//
// The codec sees in which order acknowledgements arrive.
type tellingCodec struct {
	parser.Codec
	arrivals *arrivals // nil if the order does not matter
}

// Append implements [parser.Codec].
func (c tellingCodec) Append(dst []byte, h parser.Header, event string, args []any) ([]byte, [][]byte, error) {
	c.arrivals.encoded(h)
	return c.Codec.Append(dst, h, event, args)
}

func (c tellingCodec) NewDecoder(l parser.Limits) parser.Decoder {
	return tellingDecoder{c.Codec.NewDecoder(l), c.arrivals}
}

type tellingDecoder struct {
	parser.Decoder
	arrivals *arrivals
}

// separator separates the name of an event and the ID of its acknowledgement. It
// follows every name, so that no server can forge one.
const separator = "\x00"

func (d tellingDecoder) Decode(data []byte, binary bool) (*parser.Packet, error) {
	p, err := d.Decoder.Decode(data, binary)
	switch {
	case p == nil:
	case p.Type == parser.Ack:
		d.arrivals.decoded(p.Header)
	case p.Type == parser.Event:
		p.Event += separator
		if p.HasID {
			p.Event += strconv.FormatUint(p.ID, 10)
		}
	case p.Type == parser.Connect && p.Args.Len() == 0:
		return nil, client.ErrServerVersion // later servers send an ID
	}
	return p, err
}

// splitEvent splits an event name made by a tellingDecoder.
func splitEvent(name string) (event string, wantsAck bool) {
	i := strings.LastIndex(name, separator)
	if i < 0 {
		return name, false
	}
	return name[:i], i+len(separator) < len(name)
}
