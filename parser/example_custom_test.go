package parser_test

import (
	"encoding/json"
	"fmt"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// plain is the custom parser of Socket.IO's documentation. It encodes a packet
// as one JSON object, such as {"type":2,"nsp":"/","id":7,"data":["sum",1,2]},
// and binary data as base64 text.
type plain struct{}

// plainPacket is the encoded form of a packet.
type plainPacket struct {
	Type      parser.Type `json:"type"`
	Namespace string      `json:"nsp"`
	ID        *uint64     `json:"id,omitempty"`
	// An object or nothing in a CONNECT and CONNECT_ERROR, otherwise an array,
	// whose first element in an EVENT is the name.
	Data json.RawMessage `json:"data,omitempty"`
}

// Append implements parser.Codec.
func (plain) Append(dst []byte, h parser.Header, event string, args []any) ([]byte, [][]byte, error) {
	p := plainPacket{Type: h.Type, Namespace: h.Namespace}
	if p.Namespace == "" {
		p.Namespace = "/"
	}
	if h.HasID {
		p.ID = &h.ID
	}
	values := make([]json.RawMessage, len(args))
	for i, arg := range args {
		var err error
		if values[i], err = json.Marshal(arg); err != nil {
			return nil, nil, &parser.ArgError{Index: i, Err: err}
		}
	}
	var err error
	switch h.Type {
	case parser.Connect, parser.ConnectError:
		if len(values) > 0 {
			p.Data = values[0]
		}
	case parser.Event:
		if parser.IsReserved(event) {
			return nil, nil, fmt.Errorf("the event name %q is reserved", event)
		}
		var name json.RawMessage
		if name, err = json.Marshal(event); err == nil {
			p.Data, err = json.Marshal(append([]json.RawMessage{name}, values...))
		}
	case parser.Ack:
		p.Data, err = json.Marshal(values)
	}
	if err != nil {
		return nil, nil, err
	}
	packet, err := json.Marshal(p)
	if err != nil {
		return nil, nil, err
	}
	return append(dst, packet...), nil, nil
}

// NewDecoder implements parser.Codec. The decoder has no state, because each
// message is a packet.
func (plain) NewDecoder(limits parser.Limits) parser.Decoder { return plain{} }

// Binary implements parser.Codec.
func (plain) Binary() bool { return false }

// Reset implements parser.Decoder.
func (plain) Reset() {}

// Decode implements parser.Decoder.
func (plain) Decode(data []byte, binary bool) (*parser.Packet, error) {
	var p plainPacket
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, &parser.SyntaxError{Reason: "invalid format", Err: err}
	}
	packet := &parser.Packet{Header: parser.Header{Type: p.Type, Namespace: p.Namespace}}
	if p.ID != nil {
		packet.ID, packet.HasID = *p.ID, true
	}
	var values []json.RawMessage
	var err error
	switch p.Type {
	case parser.Connect, parser.ConnectError:
		if p.Data != nil {
			values = []json.RawMessage{p.Data}
		}
	case parser.Event, parser.Ack:
		err = json.Unmarshal(p.Data, &values)
	case parser.Disconnect:
	default:
		return nil, &parser.SyntaxError{Reason: "invalid format"}
	}
	if p.Type == parser.Event && err == nil {
		if len(values) == 0 {
			return nil, &parser.SyntaxError{Reason: "invalid format"}
		}
		err = json.Unmarshal(values[0], &packet.Event)
		values = values[1:]
	}
	if err != nil || p.Namespace == "" || p.Namespace[0] != '/' || parser.IsReserved(packet.Event) {
		return nil, &parser.SyntaxError{Reason: "invalid format", Err: err}
	}
	raw := make([][]byte, len(values))
	for i, v := range values {
		raw[i] = v
	}
	packet.Args = parser.NewArgs(plain{}, raw, nil)
	return packet, nil
}

// DecodeValue implements parser.ValueDecoder. It is called when the Go type of an
// argument is known.
func (plain) DecodeValue(raw []byte, _ [][]byte, ptr any) error { return json.Unmarshal(raw, ptr) }

// exampleTB stands for the *testing.T of a real test.
type exampleTB struct{ cleanups []func() }

func (t *exampleTB) Helper()                           {}
func (t *exampleTB) Cleanup(f func())                  { t.cleanups = append([]func(){f}, t.cleanups...) }
func (t *exampleTB) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (t *exampleTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (t *exampleTB) done() {
	for _, f := range t.cleanups {
		f()
	}
}

// This example runs a server with the custom parser of Socket.IO's
// documentation.
func ExampleCodec() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()

	packet, _, err := plain{}.Append(nil, parser.Header{Type: parser.Event, ID: 7, HasID: true}, "sum", []any{1, 2})
	fmt.Printf("%s %v\n", packet, err)

	io := socketiotest.NewServer(t, &socketio.Options{Codec: plain{}})
	io.On("sum", func(a, b int) int { return a + b })
	io.On("reverse", func(s *socketio.Socket, data []byte) error {
		for i, j := 0, len(data)-1; i < j; i, j = i+1, j-1 {
			data[i], data[j] = data[j], data[i]
		}
		return s.Emit("reversed", data)
	})

	c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Codec: plain{}})
	fmt.Printf("%s\n", c.Call("sum", 1, 2).Raw(0))
	c.Emit("reverse", []byte("abc"))
	var data []byte
	c.Await("reversed").Decode(&data)
	fmt.Printf("%s\n", data)
	// Output:
	// {"type":2,"nsp":"/","id":7,"data":["sum",1,2]} <nil>
	// 3
	// cba
}
