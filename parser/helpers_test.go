package parser_test

import (
	"errors"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
)

var event = parser.Header{Type: parser.Event}

// encode appends a packet to nothing and checks what holds for all packets.
func encode(t testing.TB, h parser.Header, name string, args ...any) (string, [][]byte) {
	t.Helper()
	data, attachments, err := parser.JSON.Append([]byte("kept"), h, name, args)
	if err != nil {
		t.Fatalf("Append(%v): %v", args, err)
	}
	if string(data[:4]) != "kept" {
		t.Fatalf("Append changed dst: %q", data)
	}
	return string(data[4:]), attachments
}

// decode decodes a packet with all its attachments.
func decode(t testing.TB, text string, attachments ...[]byte) *parser.Packet {
	t.Helper()
	dec := parser.JSON.NewDecoder(parser.Limits{})
	data := []byte(text)
	p, err := dec.Decode(data, false)
	clear(data) // it was only ours during the call
	for _, a := range attachments {
		if p != nil || err != nil {
			t.Fatalf("Decode(%s) before the attachments: %v, %v", text, p, err)
		}
		p, err = dec.Decode(a, true)
	}
	if err != nil {
		t.Fatalf("Decode(%s): %v", text, err)
	}
	if p == nil {
		t.Fatalf("Decode(%s): incomplete packet", text)
	}
	return p
}

// roundTrip encodes one argument and decodes it into ptr.
func roundTrip(t testing.TB, in, ptr any) {
	t.Helper()
	text, attachments := encode(t, event, "e", in)
	if err := decode(t, text, attachments...).Args.Decode(ptr); err != nil {
		t.Fatalf("decoding %s: %v", text, err)
	}
}

func wantSyntaxError(t testing.TB, err error, reason string) {
	t.Helper()
	var syntaxError *parser.SyntaxError
	if !errors.As(err, &syntaxError) {
		t.Fatalf("got error %v, want a SyntaxError", err)
	}
	if syntaxError.Reason != reason {
		t.Fatalf("got reason %q (%v), want %q", syntaxError.Reason, err, reason)
	}
}
