package main

import (
	"strconv"
	"strings"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/parser"
)

// A tellingCodec is a codec whose packets tell what package client keeps to itself.
//
// The names of events say whether the server wants an acknowledgement: OnAny does not.
// Those that want one have names of their own, for which connection.handle registers
// a handler.
//
// A server of Socket.IO 2 is recognized by its first packet. The client ignores
// that when it comes before the socket is ready.
type tellingCodec struct{ parser.Codec }

func (c tellingCodec) NewDecoder(l parser.Limits) parser.Decoder {
	return tellingDecoder{c.Codec.NewDecoder(l)}
}

type tellingDecoder struct{ parser.Decoder }

// separator is between the name of an event and the ID of its acknowledgement. It
// is behind every name, so that no server can forge one.
const separator = "\x00"

func (d tellingDecoder) Decode(data []byte, binary bool) (*parser.Packet, error) {
	p, err := d.Decoder.Decode(data, binary)
	switch {
	case p == nil:
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

// splitEvent takes apart what a tellingDecoder has made of the name of an event.
func splitEvent(name string) (event string, wantsAck bool) {
	i := strings.LastIndex(name, separator)
	if i < 0 {
		return name, false
	}
	return name[:i], i+len(separator) < len(name)
}
