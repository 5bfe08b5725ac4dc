package parser

import (
	"bytes"
	"errors"
	"slices"
	"strconv"

	"github.com/seed96b07ef8/socketio/internal/jsonscan"
)

// A Body is the content of an event, encoded once for all that it is sent to: the clients
// of this server, whose packets differ in their headers only, and the other nodes of a
// cluster. It is immutable, and may be shared by goroutines.
type Body struct {
	// JSON is the array of the event's name and arguments, as in a packet of [JSON], with
	// placeholders for binary data, and without white space around it.
	JSON []byte
	// Attachments are the binary data.
	Attachments [][]byte
}

// EncodeBody encodes an event as [JSON] does. The Body has copies of the arguments. The
// errors are those of [Codec].Append.
func EncodeBody(event string, args []any) (*Body, error) {
	text, attachments, err := JSON.Append(nil, Header{Type: Event}, event, args)
	if err != nil {
		return nil, err
	}
	for i, data := range attachments {
		attachments[i] = bytes.Clone(data)
	}
	return &Body{JSON: text[bytes.IndexByte(text, '['):], Attachments: attachments}, nil
}

// Append appends the text of an Event packet, as [JSON] encodes it, with the ID and the
// namespace of h. If last is not empty, it is an additional last argument. The packet's
// attachments are those of the Body. The error is that of an invalid namespace.
func (b *Body) Append(dst []byte, h Header, last string) ([]byte, error) {
	h.Type = Event
	start := len(dst)
	dst, err := appendHeader(dst, h)
	if err != nil {
		return nil, err
	}
	if len(b.Attachments) > 0 {
		dst = markBinary(dst, start, len(b.Attachments))
	}
	if last == "" {
		return append(dst, b.JSON...), nil
	}
	dst = append(dst, b.JSON[:len(b.JSON)-1]...)
	dst = append(dst, ',')
	return append(appendString(dst, last), ']'), nil
}

// Packet decodes the Body. Its memory is not that of the Body. It returns a [*SyntaxError]
// if the JSON is not that of an event, exceeds the limits, or does not fit the
// attachments.
func (b *Body) Packet(limits Limits) (*Packet, error) {
	if len(b.JSON) == 0 || b.JSON[0] != '[' {
		return nil, &SyntaxError{Reason: "invalid payload", Err: errNotAnArray}
	}
	text, err := b.Append(nil, Header{}, "")
	if err != nil {
		return nil, err
	}
	d := JSON.NewDecoder(limits)
	p, err := d.Decode(text, false)
	for _, data := range b.Attachments {
		if err == nil {
			p, err = d.Decode(bytes.Clone(data), true)
		}
	}
	return p, err
}

// CheckPlaceholders returns an error if the placeholders in the JSON are not those of the
// attachments, or another object looks like one. Clients close their connection when they
// receive such a packet. A Body without attachments has no placeholders, whatever its JSON
// looks like. EncodeBody makes no Body with an error; one of another node may have it.
func (b *Body) CheckPlaceholders() error {
	n := len(b.Attachments)
	if n == 0 {
		return nil
	}
	if _, err := jsonscan.Single(b.JSON, maxNesting); err != nil {
		return err
	}
	if found, ok := countPlaceholders(b.JSON, n); !ok || found != n || countLikePlaceholders(b.JSON) != n {
		return errPlaceholders
	}
	return nil
}

var errPlaceholders = errors.New("placeholders do not match the attachments")

var errNotAnArray = errors.New("not an array")

// markBinary makes the packet of n attachments, which begins at start, a binary one.
func markBinary(dst []byte, start, n int) []byte {
	dst[start] += byte(BinaryEvent - Event) // as is BinaryAck - Ack
	var scratch [24]byte
	count := append(strconv.AppendInt(scratch[:0], int64(n), 10), '-')
	return slices.Insert(dst, start+1, count...)
}
