package cluster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/jsonscan"
)

// Native is the codec for a bus that only this module's nodes use. It has all kinds of messages.
//
// A wire has four bytes: the version, 1; the kind; flags; and 0. Varints follow: Seq, Timeout
// in milliseconds, AckID, ClientCount and Part; then Sender, Namespace, RequestID and the two lists of
// the Target. This is the Header. Then follow Rooms, the Body's JSON, its attachments, and the
// Sockets, each with ID, Handshake, Rooms and Data. A text or binary is its length as varint and its
// bytes, and a list is the number of its elements as varint and the elements. Bytes behind that
// are ignored, so that a later release can append fields without a new version.
var Native Codec = native{}

type native struct{}

const nativeVersion = 1

// The flags of a native message.
const (
	nativeVolatile = 1 << iota
	nativeNoCompress
	nativeCloseConn
	nativeMore
	nativeHasAckID
)

func flag(set bool, bit byte) byte {
	if set {
		return bit
	}
	return 0
}

// Append implements Codec.
func (native) Append(dst []byte, m *Message) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	flags := flag(m.Flags&engine.Volatile != 0, nativeVolatile) | flag(m.Flags&engine.NoCompress != 0, nativeNoCompress) |
		flag(m.CloseConn, nativeCloseConn) | flag(m.More, nativeMore) | flag(m.HasAckID, nativeHasAckID)
	dst = append(dst, nativeVersion, byte(m.Kind), flags, 0)
	dst = binary.AppendUvarint(dst, m.Seq)
	dst = binary.AppendUvarint(dst, uint64(m.Timeout.Milliseconds()))
	dst = binary.AppendUvarint(dst, m.AckID)
	dst = binary.AppendUvarint(dst, uint64(m.ClientCount))
	dst = binary.AppendUvarint(dst, m.Part)
	dst = appendText(dst, m.Sender)
	dst = appendText(dst, m.Namespace)
	dst = appendText(dst, m.RequestID)
	dst = appendList(dst, m.Target.Rooms)
	dst = appendList(dst, m.Target.Except)

	dst = appendList(dst, m.Rooms)
	dst = appendText(dst, m.Body.JSON)
	dst = appendList(dst, m.Body.Attachments)
	dst = binary.AppendUvarint(dst, uint64(len(m.Sockets)))
	for i := range m.Sockets {
		s := &m.Sockets[i]
		dst = appendText(dst, s.ID)
		dst = appendText(dst, s.Handshake)
		dst = appendList(dst, s.Rooms)
		dst = appendText(dst, s.Data)
	}
	return dst, nil
}

func appendText[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendList[T ~string | ~[]byte](dst []byte, list []T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, s := range list {
		dst = appendText(dst, s)
	}
	return dst
}

// Header implements Codec.
func (native) Header(h *Header, wire []byte, lim Limits) error {
	h.Reset()
	r := nativeReader{data: wire, lim: lim.OrDefaults()}
	r.header(h)
	return r.err
}

// Decode implements Codec.
func (native) Decode(wire []byte, lim Limits) (*Message, error) {
	var h Header
	r := nativeReader{data: wire, lim: lim.OrDefaults()}
	r.header(&h)
	if r.err != nil {
		return nil, r.err
	}
	m := &Message{
		Kind:        h.Kind,
		Sender:      string(h.Sender),
		Namespace:   string(h.Namespace),
		RequestID:   string(h.RequestID),
		Timeout:     time.Duration(min(r.timeout, maxTimeout)) * time.Millisecond,
		CloseConn:   r.flags&nativeCloseConn != 0,
		ClientCount: int(min(r.clientCount, math.MaxInt32)),
		Seq:         h.Seq,
		Part:        r.part,
		More:        r.flags&nativeMore != 0,
	}
	m.Target.Rooms, m.Target.Except = stringsOf(h.Rooms), stringsOf(h.Except)
	if r.flags&nativeVolatile != 0 {
		m.Flags |= engine.Volatile
	}
	if r.flags&nativeNoCompress != 0 {
		m.Flags |= engine.NoCompress
	}
	if m.HasAckID = r.flags&nativeHasAckID != 0; m.HasAckID {
		m.AckID = r.ackID
	}
	m.Rooms = r.names(r.lim.Rooms)
	m.Body.JSON = r.json()
	m.Body.Attachments = r.list(nil, r.lim.Attachments)
	m.Sockets = r.sockets()
	if r.err != nil {
		return nil, r.err
	}
	if err := m.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return m, nil
}

// maxTimeout bounds decoded time-outs: one day, in milliseconds.
const maxTimeout = 24 * 60 * 60 * 1000

func stringsOf(list [][]byte) []string {
	if len(list) == 0 {
		return nil
	}
	s := make([]string, len(list))
	for i, b := range list {
		s[i] = string(b)
	}
	return s
}

// A nativeReader reads a wire. After an error all values are zero.
type nativeReader struct {
	data []byte
	lim  Limits
	err  error

	// What the Header leaves to the Message.
	flags                             byte
	timeout, ackID, clientCount, part uint64
}

var (
	errShort = fmt.Errorf("%w: unexpected end", ErrMalformed)
	errNone  = fmt.Errorf("%w: no bytes", ErrMalformed)
	errLong  = fmt.Errorf("%w: size", ErrLimit)
	errList  = fmt.Errorf("%w: length of a list", ErrLimit)
	errDepth = fmt.Errorf("%w: depth of JSON", ErrLimit)
)

// header reads up to the end of the Header.
func (r *nativeReader) header(h *Header) {
	switch wire := r.data; {
	case len(wire) > r.lim.Bytes:
		r.err = errLong
	case len(wire) == 0:
		r.err = errNone
	case wire[0] != nativeVersion:
		r.err = fmt.Errorf("%w: version %d", ErrUnknown, wire[0])
	case len(wire) < 4:
		r.err = errShort
	case !Kind(wire[1]).Known():
		r.err = fmt.Errorf("%w: %v", ErrUnknown, Kind(wire[1]))
	default:
		h.Kind, r.flags, r.data = Kind(wire[1]), wire[2], wire[4:]
	}
	h.Seq = r.uvarint()
	r.timeout = r.uvarint()
	r.ackID = r.uvarint()
	r.clientCount = r.uvarint()
	r.part = r.uvarint()
	h.Sender = r.text()
	h.Namespace = r.text()
	h.RequestID = r.text()
	h.Rooms = r.list(h.Rooms, r.lim.Rooms)
	h.Except = r.list(h.Except, r.lim.Rooms)
}

func (r *nativeReader) uvarint() uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.err = errShort
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *nativeReader) text() []byte {
	n := r.uvarint()
	if n > uint64(len(r.data)) {
		r.err = errShort
	}
	if r.err != nil {
		return nil
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

// list appends a list of texts.
func (r *nativeReader) list(list [][]byte, most int) [][]byte {
	n := r.length(most)
	if list == nil && n > 0 {
		list = make([][]byte, 0, n)
	}
	for range n {
		list = append(list, r.text())
	}
	return list
}

// names reads a list of texts.
func (r *nativeReader) names(most int) []string {
	n := r.length(most)
	if n == 0 {
		return nil
	}
	names := make([]string, 0, n)
	for range n {
		names = append(names, string(r.text()))
	}
	return names
}

// length reads the length of a list, of which each element takes a byte or more.
func (r *nativeReader) length(most int) int {
	n := r.uvarint()
	switch {
	case n > uint64(len(r.data)):
		r.err = errShort
	case n > uint64(most):
		r.err = errList
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// json reads JSON text, which may be absent.
func (r *nativeReader) json() []byte {
	text := r.text()
	if len(text) == 0 {
		return nil
	}
	text, err := jsonscan.Single(text, r.lim.Depth+1) // the array of the arguments
	switch {
	case errors.Is(err, jsonscan.ErrTooDeep):
		r.err = errDepth
	case err != nil:
		r.err = fmt.Errorf("%w: %w", ErrMalformed, err)
	case !utf8.Valid(text):
		// Clients close the connection when they receive other text.
		text = bytes.ToValidUTF8(text, []byte("\ufffd"))
	}
	return text
}

func (r *nativeReader) sockets() []Socket {
	n := r.length(r.lim.Sockets)
	if n == 0 {
		return nil
	}
	if n > len(r.data)/4 { // each has four lengths
		r.err = errShort
		return nil
	}
	sockets := make([]Socket, n)
	rooms := 10 * r.lim.Sockets // the names of empty rooms are larger in memory than here
	for i := range sockets {
		s := &sockets[i]
		s.ID = string(r.text())
		s.Handshake = r.json()
		s.Rooms = r.names(min(rooms, r.lim.Rooms))
		s.Data = r.json()
		if r.err != nil {
			return nil
		}
		rooms -= len(s.Rooms)
	}
	return sockets
}
