package client_test

import (
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// secret cannot be encoded.
type secret struct{}

func (secret) MarshalJSON() ([]byte, error) { panic("no secret") }

// Credentials whose encoding panics are a failure to connect, and not the end of the
// program.
func TestCredentialsThatPanic(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	for name, auth := range map[string]any{
		"value":  map[string]secret{"secret": {}},
		"object": secret{},
	} {
		c := overWebSocket.client(t, srv, "/", func(o *client.Options) { o.Auth = auth })
		err := c.Connect(within(t))
		errorAs[*client.AuthError](t, err)
		if p := errorAs[*client.PanicError](t, err); p.Value != "no secret" {
			t.Errorf("%s: Connect: %v, want the panic", name, err)
		}
	}
}

// shy is a codec that panics when a packet of a type is encoded.
type shy struct {
	parser.Codec
	typ parser.Type
}

func (s shy) Append(dst []byte, h parser.Header, event string, args []any) ([]byte, [][]byte, error) {
	if h.Type == s.typ {
		panic("shy")
	}
	return s.Codec.Append(dst, h, event, args)
}

// A codec that panics while the client encodes a packet of its own leaves no lock behind.
func TestCodecThatPanicsWithLocksHeld(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	for _, typ := range []parser.Type{parser.Connect, parser.Disconnect} {
		c := overWebSocket.client(t, srv, "/", func(o *client.Options) { o.Codec = shy{parser.JSON, typ} })
		done := make(chan error, 1)
		go func() {
			defer func() {
				if v := recover(); v != nil {
					t.Errorf("type %v: the program panicked: %v", typ, v)
				}
			}()
			err := c.Connect(within(t))
			c.Disconnect()
			c.Manager().Close()
			done <- err
		}()
		err := receive(t, done, "the end of Close")
		if typ == parser.Connect {
			errorAs[*client.PanicError](t, err)
		} else if err != nil {
			t.Errorf("Connect: %v", err)
		}
	}
}

// blind is a codec that panics when a value of the server's events is decoded.
type blind struct{ parser.Codec }

func (b blind) NewDecoder(l parser.Limits) parser.Decoder { return blindDecoder{b.Codec.NewDecoder(l)} }

type blindDecoder struct{ parser.Decoder }

func (d blindDecoder) Decode(data []byte, binary bool) (*parser.Packet, error) {
	p, err := d.Decoder.Decode(data, binary)
	if err == nil && p.Type == parser.Event {
		p.Args = parser.NewArgs(d, [][]byte{p.Args.Raw(0)}, nil)
	}
	return p, err
}

func (blindDecoder) DecodeValue([]byte, [][]byte, any) error { panic("blind") }

// A codec that panics while the client looks for the offset of an event, which it does
// with locks held when a recovered session is complete, leaves no lock behind.
func TestCodecThatPanicsAtAnOffset(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(c *engine.Conn, message string) {
		if strings.Contains(message, "pid") {
			say(c, `2["missed","x"]`)
		}
		say(c, `0{"sid":"AAAAAAAAAAAAAAAAAAAA","pid":"p"}`)
	})
	c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.Codec = blind{parser.JSON} })
	failures, connected := make(chan error, 1), make(chan bool, 2)
	c.On("missed", func(string) {})
	c.OnError(func(err error) { failures <- err })
	c.OnConnect(func() { connected <- c.Recovered() })
	connect(t, c)
	receive(t, connected, "the connection")
	c.Manager().Engine().Close()
	if !receive(t, connected, "the reconnection") {
		t.Error("the session was not recovered")
	}
	errorAs[*client.PanicError](t, receive(t, failures, "the error of the handler"))
}

// undecided is a codec that panics when a decoder is made.
type undecided struct{ parser.Codec }

func (undecided) NewDecoder(parser.Limits) parser.Decoder { panic("undecided") }

// A codec that panics when a connection begins fails the attempt to connect.
func TestCodecThatPanicsAsDecoderIsMade(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := overWebSocket.client(t, srv, "/", func(o *client.Options) { o.Codec = undecided{parser.JSON} })
	if p := errorAs[*client.PanicError](t, c.Connect(within(t))); p.Value != "undecided" {
		t.Errorf("the panic is %v, want that of the codec", p.Value)
	}
}
