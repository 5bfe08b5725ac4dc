package parser

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/seed96b07ef8/socketio/internal/jsonscan"
)

// jsonDecoder is the state machine of the default decoder. Socket.IO protocol
// v5, "Packet encoding".
type jsonDecoder struct {
	limits Limits

	pending *Packet // attachments are missing; those that have arrived are in its Args
	want    int     // how many attachments the complete packet has

	// A peer usually sends the same few names. lastEvent contains no backslash, so
	// it is also the encoded text between the quotes.
	lastNamespace, lastEvent string
}

func (d *jsonDecoder) Reset() {
	d.pending, d.want = nil, 0
}

func (d *jsonDecoder) Decode(data []byte, binary bool) (*Packet, error) {
	if binary {
		return d.attach(data)
	}
	return d.decodeText(data)
}

// attach adds an attachment to the pending packet and returns the packet if it
// is complete.
func (d *jsonDecoder) attach(data []byte) (*Packet, error) {
	p := d.pending
	if p == nil {
		return nil, &SyntaxError{Reason: "got binary data when not reconstructing a packet"}
	}
	if data == nil {
		data = []byte{} // present, though empty
	}
	p.Args.attachments = append(p.Args.attachments, data)
	if len(p.Args.attachments) < d.want {
		return nil, nil
	}
	d.Reset()
	// Placeholders are checked here and not when the values are decoded, so
	// that an invalid one closes the connection instead of failing in a
	// handler.
	found := 0
	for _, raw := range p.Args.values {
		n, ok := countPlaceholders(raw, len(p.Args.attachments))
		if !ok {
			return nil, &SyntaxError{Reason: "illegal attachments"}
		}
		found += n
	}
	// Each placeholder is decoded into a copy, so a short text could turn one
	// attachment into gigabytes. Encoders send an attachment for each placeholder.
	if found > d.limits.MaxAttachments {
		return nil, &SyntaxError{Reason: "too many attachments"}
	}
	return p, nil
}

// decodeText decodes a text message and returns the packet if it is complete.
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
	values, err := jsonscan.Split(inline[:0], payload, most, d.limits.MaxDepth)
	if err == jsonscan.ErrTooMany {
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

// copyValues returns a list of copies of values, and text, the memory that the copies
// share. It uses the memory of list and text if that is large enough.
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

// parseHeader parses everything before the JSON (Socket.IO protocol v5, "Packet
// encoding").
func (d *jsonDecoder) parseHeader(h *Header, data []byte) (attachments int, payload []byte, err error) {
	if len(data) == 0 || !jsonscan.IsDigit(data[0]) {
		return 0, nil, &SyntaxError{Reason: "unknown packet type NaN"}
	}
	h.Type = Type(data[0] - '0')
	if h.Type > BinaryAck {
		return 0, nil, &SyntaxError{Reason: "unknown packet type " + string(data[:1])}
	}
	i := 1
	if h.Type >= BinaryEvent {
		end := jsonscan.Digits(data, i)
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

	if end := jsonscan.Digits(data, i); end > i {
		id, ok := parseUint(data[i:end])
		if !ok {
			return 0, nil, &SyntaxError{Reason: "ack id out of range"}
		}
		h.ID, h.HasID = id, true
		i = end
	}
	return attachments, data[i:], nil
}

// Longer names are not remembered, because an idle connection would hold them.
const maxRememberedName = 1024

// namespace returns a namespace's name as a string, without an allocation if it is the
// last one.
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

// parseUint parses zero or more decimal digits. If the number is out of range
// it returns the largest one and false. Leading zeros are accepted, as by the
// reference implementation.
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
	payload, err := jsonscan.Single(payload, d.limits.MaxDepth)
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
	errNameType     = errors.New("an event name must be a string or a number")
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
			// The only possible error is invalid Unicode, which AppendUnquote has
			// replaced.
			name, _ = jsontext.AppendUnquote([]byte{}, raw)
		}
	case raw[0] == '-' || jsonscan.IsDigit(raw[0]):
		// JavaScript peers use the number's value, not its spelling. Beyond
		// float64 that is Infinity.
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

// plainString returns the part of raw between the quotes of a JSON string if it
// is the value of the string: no escapes and valid UTF-8. Otherwise it returns
// nil.
func plainString(raw []byte) []byte {
	s := raw[1 : len(raw)-1]
	if bytes.IndexByte(s, '\\') >= 0 || !utf8.Valid(s) {
		return nil
	}
	return s
}
