package parser

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonDecoder is the state machine of the default decoder. Socket.IO protocol
// v5, "Packet encoding".
type jsonDecoder struct {
	limits Limits

	// pending is the packet that still wants attachments.
	pending     *Packet
	attachments [][]byte
	want        int

	// A peer sends few different names, most of the time the same one. lastEvent has
	// no backslash, so that it is also what is between the quotes.
	lastNamespace, lastEvent string
}

func (d *jsonDecoder) Reset() {
	d.pending, d.attachments, d.want = nil, nil, 0
}

func (d *jsonDecoder) Decode(data []byte, binary bool) (*Packet, error) {
	if binary {
		return d.attach(data)
	}
	return d.decodeText(data)
}

// attach takes an attachment of the pending packet and returns the packet if
// it was the last one.
func (d *jsonDecoder) attach(data []byte) (*Packet, error) {
	p := d.pending
	if p == nil {
		return nil, &SyntaxError{Reason: "got binary data when not reconstructing a packet"}
	}
	if data == nil {
		data = []byte{} // present, though empty
	}
	d.attachments = append(d.attachments, data)
	if len(d.attachments) < d.want {
		return nil, nil
	}
	p.Args.attachments = d.attachments
	d.Reset()
	// Checking here, and not when the values are decoded, is what makes a bad
	// placeholder the connection's problem and not that of a handler.
	found := 0
	for _, raw := range p.Args.values {
		n, ok := countPlaceholders(raw, len(p.Args.attachments))
		if !ok {
			return nil, &SyntaxError{Reason: "illegal attachments"}
		}
		found += n
	}
	// Each becomes a copy when it is decoded, so that a short text could make gigabytes
	// of one attachment. Encoders send an attachment for each placeholder.
	if found > d.limits.MaxAttachments {
		return nil, &SyntaxError{Reason: "too many attachments"}
	}
	return p, nil
}

// decodeText returns the packet if it is complete.
func (d *jsonDecoder) decodeText(data []byte) (*Packet, error) {
	if d.pending != nil {
		d.Reset()
		return nil, &SyntaxError{Reason: "got plaintext data when reconstructing a packet"}
	}
	p := newPacket()
	attachments, payload, err := d.parseHeader(&p.Header, data)
	if err != nil {
		return nil, err
	}
	switch p.Type {
	case Connect, ConnectError, Disconnect:
		if len(payload) == 0 {
			return p, nil
		}
		if err := d.decodePayload(p, payload); err != nil {
			return nil, &SyntaxError{"invalid payload", err}
		}
		return p, nil
	}

	var inline [8][]byte
	most := d.limits.MaxArguments
	if p.Type == Event || p.Type == BinaryEvent {
		most++ // the name
	}
	values, err := splitArray(inline[:0], payload, most, d.limits.MaxDepth)
	if err == errTooMany {
		return nil, &SyntaxError{Reason: "too many arguments"}
	}
	if err != nil {
		return nil, &SyntaxError{"invalid payload", err}
	}
	if p.Type == Event || p.Type == BinaryEvent {
		if p.Event, err = d.eventName(values); err != nil {
			return nil, err
		}
		values = values[1:]
	}
	p.setValues(values)
	switch p.Type {
	case BinaryEvent:
		p.Type = Event
	case BinaryAck:
		p.Type = Ack
	default:
		return p, nil
	}
	d.pending, d.want = p, attachments
	return nil, nil
}

// copyValues returns a list of copies of values, which share their memory, text. Both
// are in what is given for them if that is large enough.
func copyValues(list [][]byte, text []byte, values [][]byte) (_ [][]byte, _ []byte) {
	if len(values) == 0 {
		return nil, text
	}
	if len(list) < len(values) {
		list = make([][]byte, len(values))
	}
	size := 0
	for _, v := range values {
		size += len(v)
	}
	if text = text[:0]; cap(text) < size {
		text = make([]byte, 0, size)
	}
	for i, v := range values {
		start := len(text)
		text = append(text, v...)
		list[i] = text[start:len(text):len(text)]
	}
	return list[:len(values):len(values)], text
}

// parseHeader reads everything before the JSON.
func (d *jsonDecoder) parseHeader(h *Header, data []byte) (attachments int, payload []byte, err error) {
	if len(data) == 0 || !isDigit(data[0]) {
		return 0, nil, &SyntaxError{Reason: "unknown packet type NaN"}
	}
	h.Type = Type(data[0] - '0')
	if h.Type > BinaryAck {
		return 0, nil, &SyntaxError{Reason: "unknown packet type " + string(data[:1])}
	}
	i := 1
	if h.Type >= BinaryEvent {
		end := skipDigits(data, i)
		n, _ := parseUint(data[i:end])
		if end >= len(data) || data[end] != '-' || n == 0 {
			return 0, nil, &SyntaxError{Reason: "Illegal attachments"}
		}
		if n > uint64(d.limits.MaxAttachments) {
			return 0, nil, &SyntaxError{Reason: "too many attachments"}
		}
		attachments = int(n)
		i = end + 1
	}

	h.Namespace = "/"
	if i < len(data) && data[i] == '/' {
		rest := data[i:]
		end := bytes.IndexByte(rest, ',')
		if end < 0 {
			end = len(rest)
			i = len(data)
		} else {
			i += end + 1
		}
		if end > 1 {
			h.Namespace = d.namespace(rest[:end])
		}
	}

	if end := skipDigits(data, i); end > i {
		id, ok := parseUint(data[i:end])
		if !ok {
			return 0, nil, &SyntaxError{Reason: "ack id out of range"}
		}
		h.ID, h.HasID = id, true
		i = end
	}
	return attachments, data[i:], nil
}

// A name that is longer is not worth remembering: an idle connection would hold it.
const maxRememberedName = 1024

// namespace returns a namespace's name.
func (d *jsonDecoder) namespace(name []byte) string {
	if string(name) == d.lastNamespace {
		return d.lastNamespace
	}
	if len(name) > maxRememberedName {
		return string(name)
	}
	d.lastNamespace = string(name)
	return d.lastNamespace
}

// parseUint parses decimal digits, of which there may be none. If the number
// is out of range it returns the largest one and false. Leading zeros are
// tolerated, as they are by the reference implementation.
func parseUint(digits []byte) (n uint64, ok bool) {
	for _, c := range digits {
		digit := uint64(c - '0')
		if n > (math.MaxUint64-digit)/10 {
			return math.MaxUint64, false
		}
		n = n*10 + digit
	}
	return n, true
}

var errPayloadType = errors.New("wrong type for this packet")

// decodePayload reads the payload of a packet that is neither event nor ack.
func (d *jsonDecoder) decodePayload(p *Packet, payload []byte) error {
	payload, err := single(payload, d.limits.MaxDepth)
	if err != nil {
		return err
	}
	isObject := payload[0] == '{'
	isString := payload[0] == '"'
	if p.Type == Disconnect || !isObject && !(isString && p.Type == ConnectError) {
		return errPayloadType
	}
	p.Args = NewArgs(jsonValues{}, [][]byte{bytes.Clone(payload)}, nil)
	return nil
}

var (
	errNoName       = errors.New("an event needs a name")
	errNameType     = errors.New("an event name is a string or a number")
	errReservedName = errors.New("reserved event name")
)

// eventName decodes the first of the values of an event.
func (d *jsonDecoder) eventName(values [][]byte) (string, error) {
	if len(values) == 0 {
		return "", &SyntaxError{"invalid payload", errNoName}
	}
	raw := values[0]
	var name []byte
	switch {
	case raw[0] == '"' && string(raw[1:len(raw)-1]) == d.lastEvent:
		return d.lastEvent, nil
	case raw[0] == '"':
		if name = plainString(raw); name == nil {
			// The only error left is invalid Unicode, already replaced.
			name, _ = jsontext.AppendUnquote([]byte{}, raw)
		}
	case raw[0] == '-' || isDigit(raw[0]):
		// Peers in JavaScript know the number, not how it was written. Beyond
		// float64 that is an infinity, which has a name of its own.
		f, _ := strconv.ParseFloat(string(raw), 64)
		switch {
		case math.IsInf(f, +1):
			name = []byte("Infinity")
		case math.IsInf(f, -1):
			name = []byte("-Infinity")
		default:
			name = appendFloat(nil, f, 64)
		}
	default:
		return "", &SyntaxError{"invalid payload", errNameType}
	}
	if len(name) > d.limits.MaxEventName {
		return "", &SyntaxError{Reason: "event name too long"}
	}
	if string(name) == d.lastEvent {
		return d.lastEvent, nil
	}
	event := string(name)
	if IsReserved(event) {
		return "", &SyntaxError{"invalid payload", errReservedName}
	}
	if bytes.IndexByte(name, '\\') < 0 && len(name) <= maxRememberedName {
		d.lastEvent = event
	}
	return event, nil
}

// plainString returns what is between the quotes of a JSON string, as part of
// raw, if that is what the string means: no escapes, valid UTF-8. Otherwise it
// returns nil.
func plainString(raw []byte) []byte {
	s := raw[1 : len(raw)-1]
	if bytes.IndexByte(s, '\\') >= 0 || !utf8.Valid(s) {
		return nil
	}
	return s
}
