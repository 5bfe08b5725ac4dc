// Package nodewire has codecs for clusters in which nodes of the reference implementation take
// part, with its adapters for Redis and Postgres. Each [cluster.Codec] reads and writes what the
// adapter of the same name in the npm registry does, byte for byte:
//
//	@socket.io/redis-adapter, createAdapter         Classic
//	@socket.io/redis-adapter, createShardedAdapter  Sharded
//	@socket.io/redis-streams-adapter                StreamEntry; Pack for what goes by Pub/Sub
//	@socket.io/postgres-adapter                     JSON; Pack for attachments
//	the emitters of all of them                     the same
//
// # Bodies
//
// The neutral body of an event is JSON text. Where the bus has JSON, too, it is copied into the
// message, and out of it without copying. In MessagePack it is transcoded. JavaScript's values that JSON does
// not have become what JSON.stringify makes of them: a Date its ISO text, undefined null, and binary
// data an attachment. Binary data in the data or handshake of a socket becomes base64 text, which
// package encoding/json decodes into bytes.
//
// # What is not preserved
//
// Flags other than volatile, compress and timeout, which have no effect on receivers; and
// compress if it is true, which is the default. Of a [cluster.Message], Part and More are not
// written, and Seq only by StreamEntry.
package nodewire

import (
	"fmt"

	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/internal/msgpack"
)

var (
	// JSON writes messages without binary data as JSON, as the Postgres adapter does in
	// notifications. With attachments, Append returns an error that wraps
	// [cluster.ErrBinary]. See [AppendAttachment] for messages that do not fit.
	JSON cluster.Codec = codec{text: true}
	// Pack writes messages as MessagePack, as @msgpack/msgpack 2 does: the attachments of the
	// Postgres adapter, and what the Streams adapter sends by Pub/Sub.
	Pack cluster.Codec = codec{pack: true, flavor: msgpack.MessagePack}
	// Sharded writes messages with attachments as MessagePack, as notepack.io 3 does, and others
	// as JSON.
	Sharded cluster.Codec = codec{text: true, pack: true, flavor: msgpack.Notepack}
)

// A codec is one for the form of messages that the adapters other than the classic one share. It
// reads both JSON and MessagePack.
type codec struct {
	text, pack bool // what it writes, preferably text
	flavor     msgpack.Flavor
}

var errNamespace = fmt.Errorf("%w: no namespace", cluster.ErrInvalid)

// validate checks what each codec of this package needs.
func validate(m *cluster.Message) error {
	if m.Namespace == "" {
		return errNamespace
	}
	return m.Validate()
}

// Append implements cluster.Codec.
func (k codec) Append(dst []byte, m *cluster.Message) ([]byte, error) {
	if m.Kind > cluster.AdapterClose {
		return nil, cluster.ErrUnsupported
	}
	if err := validate(m); err != nil {
		return nil, err
	}
	w := writer{dst: dst, json: k.text && !(k.pack && len(m.Body.Attachments) > 0), flavor: k.flavor}
	w.message(m)
	if w.err != nil {
		return nil, w.err
	}
	return w.dst, nil
}

// Header implements cluster.Codec.
func (codec) Header(h *cluster.Header, wire []byte, lim cluster.Limits) error {
	_, err := read(h, wire, lim.OrDefaults())
	return err
}

// Decode implements cluster.Codec.
func (codec) Decode(wire []byte, lim cluster.Limits) (*cluster.Message, error) {
	lim = lim.OrDefaults()
	e, err := read(new(cluster.Header), wire, lim)
	if err != nil {
		return nil, err
	}
	return e.message(lim)
}

func read(h *cluster.Header, wire []byte, lim cluster.Limits) (envelope, error) {
	h.Reset()
	c := newCursor(wire, lim, h.Buffer)
	e := envelope{Header: h, json: c.json}
	e.readMessage(&c, lim)
	h.Buffer = c.buf
	if c.err != nil {
		return e, c.err
	}
	return e, e.setKind()
}
