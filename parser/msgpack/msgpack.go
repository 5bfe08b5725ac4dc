package msgpack

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	wire "github.com/seed96b07ef8/socketio/internal/msgpack"
	"github.com/seed96b07ef8/socketio/parser"
)

// Codec is the MessagePack codec, the value for the Codec option of servers and
// clients.
var Codec parser.Codec = codec{}

type codec struct{}

func (codec) Binary() bool { return true }

func (codec) NewDecoder(limits parser.Limits) parser.Decoder {
	return &decoder{limits: limits.WithDefaults()}
}

func (codec) Append(dst []byte, h parser.Header, event string, args []any) ([]byte, [][]byte, error) {
	e := encoders.Get().(*encoder)
	data, err := e.appendPacket(dst, h, event, args)
	e.release()
	if err != nil {
		return nil, nil, err
	}
	return data, nil, nil
}

// The encoded keys of a packet's map.
const (
	keyType      = "\xa4type"
	keyData      = "\xa4data"
	keyNamespace = "\xa3nsp"
	keyID        = "\xa2id"
)

var (
	errTooLong     = errors.New("msgpack: packet too long")
	errPayloadType = errors.New("wrong type for this packet")
	errNoPayload   = errors.New("msgpack: CONNECT_ERROR needs a payload")
)

// appendPacket appends a packet, with its members in the order of the reference
// implementation's server.
func (e *encoder) appendPacket(dst []byte, h parser.Header, event string, args []any) ([]byte, error) {
	start := len(dst)
	switch h.Type {
	case parser.BinaryEvent:
		h.Type = parser.Event
	case parser.BinaryAck:
		h.Type = parser.Ack
	}
	switch {
	case h.Type > parser.ConnectError:
		return nil, fmt.Errorf("msgpack: cannot encode a packet of %v", h.Type)
	case h.Namespace == "":
		h.Namespace = "/"
	case h.Namespace[0] != '/':
		return nil, fmt.Errorf("msgpack: invalid namespace %q: it must start with a slash", h.Namespace)
	}

	const least = fixMap + 2 // type and namespace
	var err error
	switch h.Type {
	case parser.Event:
		if parser.IsReserved(event) {
			return nil, fmt.Errorf("msgpack: the event name %q is reserved", event)
		}
		dst = appendType(append(dst, least), h.Type)
		dst = wire.AppendArray(append(dst, keyData...), count(args)+1)
		dst = appendString(dst, event)
		dst[start]++
		if dst, err = e.appendArgs(dst, args); err != nil {
			return nil, err
		}
		if h.HasID {
			dst = wire.AppendUint(append(dst, keyID...), h.ID)
			dst[start]++
		}
	case parser.Ack:
		dst = append(dst, least)
		if h.HasID {
			dst = wire.AppendUint(append(dst, keyID...), h.ID)
			dst[start]++
		}
		dst = appendType(dst, h.Type)
		dst = wire.AppendArray(append(dst, keyData...), count(args))
		dst[start]++
		if dst, err = e.appendArgs(dst, args); err != nil {
			return nil, err
		}
	default:
		dst = appendType(append(dst, least), h.Type)
		beforeData := len(dst)
		if dst, err = e.appendPayload(dst, h.Type, args); err != nil {
			return nil, err
		}
		if len(dst) > beforeData {
			dst[start]++
		}
		if h.HasID {
			dst = wire.AppendUint(append(dst, keyID...), h.ID)
			dst[start]++
		}
	}
	dst = appendString(append(dst, keyNamespace...), h.Namespace)
	if uint64(len(dst)-start) > math.MaxUint32 {
		return nil, errTooLong // or a part of it is
	}
	return dst, nil
}

func appendType(dst []byte, t parser.Type) []byte {
	return append(append(dst, keyType...), byte(t))
}

// count returns the number of encoded arguments: received Args that are sent again
// count as several.
func count(args []any) int {
	n := len(args)
	for _, arg := range args {
		if received, ok := arg.(parser.Args); ok {
			n += received.Len() - 1
		}
	}
	return n
}

func (e *encoder) appendArgs(dst []byte, args []any) ([]byte, error) {
	e.depth = 1
	for i, arg := range args {
		var err error
		if received, ok := arg.(parser.Args); ok {
			dst, err = e.appendReceived(dst, received)
		} else {
			dst, err = e.appendAny(dst, arg)
		}
		if err != nil {
			return nil, &parser.ArgError{Index: i, Type: reflect.TypeOf(arg), Err: err}
		}
	}
	return dst, nil
}

// appendPayload appends the payload of a packet that is neither event nor ack,
// with its key, if there is one.
func (e *encoder) appendPayload(dst []byte, typ parser.Type, args []any) ([]byte, error) {
	if typ == parser.Disconnect && len(args) > 0 || len(args) > 1 {
		return nil, fmt.Errorf("msgpack: too many arguments for %v: %d", typ, len(args))
	}
	if len(args) == 0 {
		if typ == parser.ConnectError {
			return nil, errNoPayload // peers require it
		}
		return dst, nil
	}
	fail := func(err error) ([]byte, error) {
		return nil, &parser.ArgError{Type: reflect.TypeOf(args[0]), Err: err}
	}
	start := len(dst)
	dst = append(dst, keyData...)
	payload := len(dst)
	dst, err := e.appendAny(dst, args[0])
	if err != nil {
		return fail(err)
	}
	t, _, _ := next(dst, payload)
	switch {
	case t.kind == kindMap, t.kind == kindString && typ == parser.ConnectError:
		return dst, nil
	case t.kind == kindNil && typ == parser.Connect:
		return dst[:start], nil // omit the payload: peers refuse nil
	}
	return fail(fmt.Errorf("%w: %v", errPayloadType, typ))
}

// Longer names are not remembered, because an idle connection would hold them.
const maxRememberedName = 1024

// decoder is the decoder of a connection. Because packets are single messages,
// its only state is caches.
type decoder struct {
	limits parser.Limits

	// A peer usually sends the same few names.
	lastNamespace, lastEvent string
}

// packetBuffer is a packet and the values of its Args in one allocation. The
// first value of an event is its name.
type packetBuffer struct {
	parser.Packet
	values [4][]byte
}

func (d *decoder) Reset() {}

var errText = errors.New("text message: the peer uses another codec")

func (d *decoder) Decode(data []byte, binary bool) (*parser.Packet, error) {
	if !binary {
		return nil, &parser.SyntaxError{Reason: reasonSyntax, Err: errText}
	}
	m, err := d.split(data)
	if err != nil {
		return nil, err
	}
	return d.packet(m)
}

// The reasons of a SyntaxError; the texts are those of the reference
// implementation.
const (
	reasonSyntax    = "Could not parse"
	reasonType      = "invalid packet type"
	reasonNamespace = "invalid namespace"
	reasonPayload   = "invalid payload"
	reasonID        = "invalid packet id"
	reasonName      = "event name too long" // ours
)

var errArguments = &parser.SyntaxError{Reason: "too many arguments"}

// members are the members of a packet; absent ones are undefined.
type members struct {
	data          []byte // the message
	typ, id       token
	namespace     token
	namespaceEnd  int
	payload       token
	payloadValues [][]byte
	packet        *packetBuffer
}

// split reads the map of a message, with its members in any order. Of duplicate
// members it takes the last.
func (d *decoder) split(data []byte) (m members, err error) {
	undefined := token{kind: kindUndefined}
	m = members{data: data, typ: undefined, id: undefined, namespace: undefined, payload: undefined, packet: new(packetBuffer)}
	head, i, err := next(data, 0)
	if err != nil {
		return m, syntaxError(err)
	}
	if head.kind != kindMap {
		return m, &parser.SyntaxError{Reason: reasonType}
	}
	for range head.n {
		start := i
		if i, err = skipKey(data, i); err != nil {
			return m, syntaxError(err)
		}
		key, _, _ := next(data, start)
		var name []byte
		if key.kind == kindString {
			name = key.bytes(data, i)
		}
		if string(name) == keyData[1:] {
			if i, err = d.splitPayload(&m, i); err != nil {
				return m, err
			}
			continue
		}
		start = i
		if i, err = skip(data, i, d.limits.MaxDepth); err != nil {
			return m, syntaxError(err)
		}
		value, _, _ := next(data, start)
		switch string(name) {
		case keyType[1:]:
			m.typ = value
		case keyNamespace[1:]:
			m.namespace, m.namespaceEnd = value, i
		case keyID[1:]:
			m.id = value
		}
	}
	if left := len(data) - i; left > 0 {
		return m, &parser.SyntaxError{Reason: fmt.Sprintf("%d trailing bytes", left)}
	}
	return m, nil
}

// splitPayload reads the member data: an array's elements, or a value.
func (d *decoder) splitPayload(m *members, i int) (end int, err error) {
	m.payload, end, err = next(m.data, i)
	if err != nil {
		return 0, syntaxError(err)
	}
	if m.payload.kind == kindArray && m.payload.n > uint64(d.limits.MaxArguments)+1 {
		return 0, errArguments
	}
	values := m.packet.values[:0]
	if m.payload.kind != kindArray {
		if end, err = skip(m.data, i, d.limits.MaxDepth); err != nil {
			return 0, syntaxError(err)
		}
		m.payloadValues = append(values, m.data[i:end:end])
		return end, nil
	}
	for range m.payload.n {
		i = end
		if end, err = skip(m.data, i, d.limits.MaxDepth-1); err != nil {
			return 0, syntaxError(err)
		}
		if len(values) == cap(values) {
			// append grows large slices in small steps.
			values = slices.Grow(values, len(values)+1)
		}
		values = append(values, m.data[i:end:end])
	}
	m.payloadValues = values
	return end, nil
}

func syntaxError(err error) error {
	if err == errTooDeep {
		return &parser.SyntaxError{Reason: reasonPayload, Err: err}
	}
	return &parser.SyntaxError{Reason: reasonSyntax, Err: err}
}

var (
	errNoName       = errors.New("an event needs a name")
	errNameType     = errors.New("an event name must be a string or a number")
	errReservedName = errors.New("reserved event name")
	errNoSlash      = errors.New("it must start with a slash")
)

// packet makes a packet of its members. It checks what the reference
// implementation checks, in the same order, and then what the default codec
// checks.
func (d *decoder) packet(m members) (*parser.Packet, error) {
	p := m.packet
	typ, ok := m.typ.uint()
	if !ok || typ > uint64(parser.ConnectError) {
		return nil, &parser.SyntaxError{Reason: reasonType}
	}
	p.Type = parser.Type(typ)

	if m.namespace.kind != kindString {
		return nil, &parser.SyntaxError{Reason: reasonNamespace}
	}
	namespace := m.namespace.bytes(m.data, m.namespaceEnd)
	if len(namespace) == 0 || namespace[0] != '/' {
		return nil, &parser.SyntaxError{Reason: reasonNamespace, Err: errNoSlash}
	}
	p.Namespace = d.lastNamespace
	if string(namespace) != d.lastNamespace {
		p.Namespace = text(namespace)
		if len(p.Namespace) <= maxRememberedName {
			d.lastNamespace = p.Namespace
		}
	}

	absent := m.payload.kind == kindUndefined
	isMap := m.payload.kind == kindMap
	switch p.Type {
	case parser.Connect:
		ok = absent || isMap
	case parser.Disconnect:
		ok = absent
	case parser.ConnectError:
		ok = isMap || m.payload.kind == kindString
	default:
		ok = m.payload.kind == kindArray
	}
	if !ok {
		return nil, &parser.SyntaxError{Reason: reasonPayload, Err: errPayloadType}
	}

	if m.id.kind != kindUndefined {
		if p.ID, p.HasID = m.id.uint(); !p.HasID {
			return nil, &parser.SyntaxError{Reason: reasonID}
		}
	}

	values := m.payloadValues
	if absent {
		values = nil
	}
	if p.Type == parser.Event {
		var err error
		if p.Event, err = d.eventName(values); err != nil {
			return nil, err
		}
		values = values[1:]
	}
	if len(values) > d.limits.MaxArguments {
		return nil, errArguments
	}
	if len(values) > 0 {
		p.Args = parser.NewArgs(valueDecoder{}, values, nil)
	}
	return &p.Packet, nil
}

// eventName decodes the first of the values of an event.
func (d *decoder) eventName(values [][]byte) (string, error) {
	if len(values) == 0 {
		return "", &parser.SyntaxError{Reason: reasonPayload, Err: errNoName}
	}
	var number [32]byte
	name, ok := keyText(number[:0], values[0])
	if !ok {
		return "", &parser.SyntaxError{Reason: reasonPayload, Err: errNameType}
	}
	if len(name) > d.limits.MaxEventName {
		return "", &parser.SyntaxError{Reason: reasonName}
	}
	if string(name) == d.lastEvent {
		return d.lastEvent, nil
	}
	if parser.IsReserved(string(name)) {
		return "", &parser.SyntaxError{Reason: reasonPayload, Err: errReservedName}
	}
	event := text(name)
	if len(event) <= maxRememberedName {
		d.lastEvent = event
	}
	return event, nil
}
