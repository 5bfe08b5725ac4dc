package nodewire

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"iter"
	"strconv"

	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/internal/msgpack"
)

// StreamEntry is the codec of the entries that the Streams adapter adds to a Redis stream. An entry
// is a list of fields and their values, which are texts: uid, nsp, type and data, in this order,
// and with a [cluster.Message.Seq] also n, which the reference implementation ignores. The wire
// is this list, see [Fields] and [AppendField]. Entries without nsp are not messages.
var StreamEntry cluster.Codec = entry{}

type entry struct{}

// AppendField appends a field and its value to the wire of a stream's entry. The order of fields
// does not matter to a decoder.
func AppendField(dst []byte, name, value string) []byte {
	dst = append(binary.AppendUvarint(dst, uint64(len(name))), name...)
	return append(binary.AppendUvarint(dst, uint64(len(value))), value...)
}

// Fields returns the fields of the wire of a stream's entry and their values, in the order in which
// XADD takes them. The sequence ends early if the wire is malformed, which those of Append are not.
func Fields(wire []byte) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for len(wire) > 0 {
			name, rest, ok := cutField(wire)
			if !ok {
				return
			}
			var value []byte
			if value, wire, ok = cutField(rest); !ok || !yield(string(name), string(value)) {
				return
			}
		}
	}
}

// cutField returns the text at the beginning of a wire, and what follows.
func cutField(wire []byte) (text, rest []byte, ok bool) {
	n, size := binary.Uvarint(wire)
	if size <= 0 || n > uint64(len(wire)-size) {
		return nil, nil, false
	}
	end := size + int(n)
	return wire[size:end:end], wire[end:], true
}

// Append implements cluster.Codec.
func (entry) Append(dst []byte, m *cluster.Message) ([]byte, error) {
	if m.Kind > cluster.AdapterClose {
		return nil, cluster.ErrUnsupported
	}
	if err := validate(m); err != nil {
		return nil, err
	}
	dst = AppendField(dst, "uid", m.Sender)
	dst = AppendField(dst, "nsp", m.Namespace)
	dst = AppendField(dst, "type", strconv.Itoa(int(m.Kind)))
	if hasData(m.Kind) {
		w := writer{json: len(m.Body.Attachments) == 0, flavor: msgpack.MessagePack}
		w.data(m)
		if w.err != nil {
			return nil, w.err
		}
		data := string(w.dst)
		if !w.json {
			data = base64.StdEncoding.EncodeToString(w.dst)
		}
		dst = AppendField(dst, "data", data)
	}
	if m.Seq > 0 {
		dst = AppendField(dst, "n", strconv.FormatUint(m.Seq, 10))
	}
	return dst, nil
}

// Header implements cluster.Codec.
func (entry) Header(h *cluster.Header, wire []byte, lim cluster.Limits) error {
	_, err := readEntry(h, wire, lim.OrDefaults())
	return err
}

// Decode implements cluster.Codec.
func (entry) Decode(wire []byte, lim cluster.Limits) (*cluster.Message, error) {
	lim = lim.OrDefaults()
	e, err := readEntry(new(cluster.Header), wire, lim)
	if err != nil {
		return nil, err
	}
	return e.message(lim)
}

var (
	errField   = malformed(errors.New("field of a stream's entry"))
	errNoField = malformed(errors.New("a stream's entry without nsp"))
)

func readEntry(h *cluster.Header, wire []byte, lim cluster.Limits) (envelope, error) {
	h.Reset()
	e := envelope{Header: h}
	if len(wire) > lim.Bytes {
		return e, errSizeLimit
	}
	var data []byte
	for len(wire) > 0 {
		name, rest, ok := cutField(wire)
		if !ok {
			return e, errField
		}
		var value []byte
		if value, wire, ok = cutField(rest); !ok {
			return e, errField
		}
		var err error
		switch string(name) {
		case "uid":
			e.Sender = value
		case "nsp":
			e.Namespace = value
		case "type":
			e.code, err = strconv.ParseInt(string(value), 10, 64)
			e.hasCode = true
		case "data":
			data = value
		case "n":
			e.Seq, err = strconv.ParseUint(string(value), 10, 64)
		}
		if err != nil {
			return e, errField
		}
	}
	if len(e.Namespace) == 0 {
		return e, errNoField
	}
	if err := e.readEntryData(data, lim); err != nil {
		return e, err
	}
	return e, e.setKind()
}

// readEntryData reads the field data: JSON text of an object, or MessagePack as base64 text.
func (e *envelope) readEntryData(data []byte, lim cluster.Limits) error {
	if len(data) == 0 {
		return nil
	}
	if data[0] != '{' {
		var err error
		if e.Buffer, err = base64.StdEncoding.AppendDecode(e.Buffer, data); err != nil {
			return malformed(err)
		}
		data = e.Buffer
	}
	c := newCursor(data, lim, e.Buffer)
	e.json = c.json
	e.readData(&c, lim)
	c.end()
	e.Buffer = c.buf
	return c.err
}
