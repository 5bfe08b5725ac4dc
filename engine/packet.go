package engine

import (
	"encoding/base64"
	"errors"

	"github.com/seed96b07ef8/socketio/internal/blocks"
)

// packetType is the first character of a text packet.
type packetType byte

const (
	packetOpen    packetType = '0'
	packetClose   packetType = '1'
	packetPing    packetType = '2'
	packetPong    packetType = '3'
	packetMessage packetType = '4'
	packetUpgrade packetType = '5'
	packetNoop    packetType = '6'
)

const separator = 0x1e

// The packets without data, shared by all connections.
var (
	pingPacket      = newPacket(packetPing, "")
	closePacket     = newPacket(packetClose, "")
	pongPacket      = newPacket(packetPong, "")
	noopPacket      = newPacket(packetNoop, "")
	probePongPacket = newPacket(packetPong, "probe")
)

var errBadPacket = errors.New("undecodable packet")

// A packet is a received packet. A binary packet is always a message.
type packet struct {
	typ    packetType
	binary bool
	// owned is set if data may be kept. Otherwise data is valid only during the call.
	owned bool
	data  []byte
}

// handOver returns the data for a handler. A handler owns binary data, and package
// socketio may give it to package blocks, so its memory is not shared.
func (p packet) handOver() []byte {
	if !p.binary || p.owned {
		return p.data
	}
	data := blocks.Get(len(p.data))
	copy(data, p.data)
	return data
}

// parseText decodes a text packet (Engine.IO protocol v4, "Packet encoding").
func parseText(text []byte) (packet, error) {
	if len(text) == 0 {
		return packet{}, errBadPacket
	}
	if text[0] == 'b' {
		return parseBase64(text[1:])
	}
	if text[0] < '0' || text[0] > '6' {
		return packet{}, errBadPacket
	}
	return packet{typ: packetType(text[0]), data: text[1:]}, nil
}

// parseBase64 decodes a binary message in a text packet ("b" and base64).
func parseBase64(text []byte) (packet, error) {
	data := blocks.Get(base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(data, text)
	if err != nil {
		return packet{}, errBadPacket
	}
	return packet{typ: packetMessage, binary: true, owned: true, data: data[:n]}, nil
}
