// Package parsertest has what the tests of the codecs have in common: helpers, and
// tests and benchmarks that every codec has to pass.
package parsertest

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
)

// Event is the header of an ordinary event.
var Event = parser.Header{Type: parser.Event}

// Message is the argument of ordinary events.
type Message struct {
	// The members are of no importance.
	Msg string `json:"msg"`
	N   int    `json:"n"`
}

// Encode encodes a packet and checks what holds for all packets.
func Encode(t testing.TB, codec parser.Codec, h parser.Header, name string, args ...any) (data []byte, attachments [][]byte) {
	t.Helper()
	data, attachments, err := codec.Append([]byte("kept"), h, name, args)
	if err != nil {
		t.Fatalf("Append(%v): %v", args, err)
	}
	if string(data[:4]) != "kept" {
		t.Fatalf("Append changed dst: %q", data)
	}
	return data[4:], attachments
}

// Decode decodes a packet with all its attachments.
func Decode(t testing.TB, codec parser.Codec, data []byte, attachments ...[]byte) *parser.Packet {
	t.Helper()
	dec := codec.NewDecoder(parser.Limits{})
	lent := bytes.Clone(data)
	p, err := dec.Decode(lent, codec.Binary())
	if !codec.Binary() {
		clear(lent) // it was the decoder's only during the call
	}
	for _, a := range attachments {
		if p != nil || err != nil {
			t.Fatalf("Decode(%q) before the attachments: %v, %v", data, p, err)
		}
		p, err = dec.Decode(a, true)
	}
	if err != nil {
		t.Fatalf("Decode(%q): %v", data, err)
	}
	if p == nil {
		t.Fatalf("Decode(%q): incomplete packet", data)
	}
	return p
}

// RoundTrip encodes one argument and decodes it into ptr.
func RoundTrip(t testing.TB, codec parser.Codec, in, ptr any) {
	t.Helper()
	data, attachments := Encode(t, codec, Event, "e", in)
	if err := Decode(t, codec, data, attachments...).Args.Decode(ptr); err != nil {
		t.Fatalf("decoding %q: %v", data, err)
	}
}

// WantRoundTrip checks what becomes of an argument. The type of want is decoded
// into; nil means in.
func WantRoundTrip(t testing.TB, codec parser.Codec, in, want any) {
	t.Helper()
	if want == nil {
		want = in
	}
	got := reflect.New(reflect.TypeOf(want))
	RoundTrip(t, codec, in, got.Interface())
	if !reflect.DeepEqual(got.Elem().Interface(), want) {
		t.Errorf("got %#v, want %#v", got.Elem(), want)
	}
}

// WantPacket checks a packet, except its arguments. No namespace means the main
// one.
func WantPacket(t testing.TB, p *parser.Packet, h parser.Header, event string) {
	t.Helper()
	if h.Namespace == "" {
		h.Namespace = "/"
	}
	if p.Header != h {
		t.Errorf("got header %+v, want %+v", p.Header, h)
	}
	if p.Event != event {
		t.Errorf("got event %q, want %q", p.Event, event)
	}
}

// WantDecoded decodes arguments into what into points to and compares that with want,
// or the error with its text, if there is to be one.
func WantDecoded(t testing.TB, args parser.Args, into, want any, wantError string) {
	t.Helper()
	err := args.Decode(into)
	if wantError != "" {
		var argError *parser.ArgError
		if !errors.As(err, &argError) || !strings.Contains(err.Error(), wantError) {
			t.Errorf("got error %v, want %q", err, wantError)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := reflect.ValueOf(into).Elem().Interface(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

// WantSyntaxError checks that an error is a SyntaxError.
func WantSyntaxError(t testing.TB, err error, reason string) {
	t.Helper()
	var syntaxError *parser.SyntaxError
	if !errors.As(err, &syntaxError) {
		t.Fatalf("got error %v, want a SyntaxError", err)
	}
	if syntaxError.Reason != reason {
		t.Fatalf("got reason %q (%v), want %q", syntaxError.Reason, err, reason)
	}
}

// An AppendError is a packet that cannot be encoded.
type AppendError struct {
	// Header, Event and Args are the arguments of Append.
	Header parser.Header
	Event  string
	Args   []any
	// Index is that of the ArgError, or -1 when the error is to be none.
	Index int
	// Type is that of the ArgError, or nil for any.
	Type reflect.Type
	// Text is part of the error's text.
	Text string
}

// Check checks that the packet cannot be encoded, and that others can, still.
func (e AppendError) Check(t testing.TB, codec parser.Codec) {
	t.Helper()
	data, attachments, err := codec.Append([]byte("x"), e.Header, e.Event, e.Args)
	if err == nil {
		t.Fatalf("no error: %q", data)
	}
	if data != nil || attachments != nil {
		t.Errorf("got %q and %q with the error", data, attachments)
	}
	if !strings.Contains(err.Error(), e.Text) {
		t.Errorf("got error %q, want %q in it", err, e.Text)
	}
	var argError *parser.ArgError
	if errors.As(err, &argError) != (e.Index >= 0) {
		t.Fatalf("got error %#v", err)
	}
	if e.Index >= 0 && (argError.Index != e.Index || e.Type != nil && argError.Type != e.Type) {
		t.Errorf("got index %d and type %v", argError.Index, argError.Type)
	}
	// What a failed packet left in the pool is not in the next one.
	WantRoundTrip(t, codec, map[string]any{"a": 1}, map[string]any{"a": 1.0})
}
