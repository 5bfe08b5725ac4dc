//go:build !race

package msgpack_test

import (
	"bytes"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// TestAllocations keeps the common paths from getting slower unnoticed. (The
// race detector allocates on its own, and makes pools forgetful.)
func TestAllocations(t *testing.T) {
	dec := msgpack.Codec.NewDecoder(parser.Limits{})
	data := eventOf("82 a36d7367 a568656c6c6f a16e 01")
	binary := eventOf("c404 626c6f62")
	var m message
	var blob []byte
	pm, pblob := any(&m), any(&blob)

	// Boxed in advance: the values are the caller's allocations.
	structArgs := []any{&message{"hello", 1}}
	mapArgs := []any{map[string]any{"msg": "hello", "n": 1}}
	ackArgs := []any{"ok", 17}
	binaryArgs := []any{[]byte("blob")}
	ack := parser.Header{Type: parser.Ack, ID: 17, HasID: true}
	dst := make([]byte, 0, 256)

	appendTo := func(h parser.Header, args []any) func() error {
		return func() error {
			_, _, err := msgpack.Codec.Append(dst, h, "echo", args)
			return err
		}
	}
	decodeInto := func(data []byte, ptr any) func() error {
		return func() error {
			p, err := dec.Decode(data, true)
			if err != nil {
				return err
			}
			return p.Args.DecodeAt(0, ptr)
		}
	}
	for _, test := range []struct {
		name string
		max  float64
		run  func() error
	}{
		{"decode event", 1, decodeInto(data, nil)},            // the packet
		{"decode event into struct", 2, decodeInto(data, pm)}, // and the string
		{"decode binary event", 2, decodeInto(binary, pblob)}, // and a copy
		{"append struct", 0, appendTo(event, structArgs)},
		{"append map", 0, appendTo(event, mapArgs)},
		{"append ack", 0, appendTo(ack, ackArgs)},
		{"append binary", 0, appendTo(event, binaryArgs)},
	} {
		t.Run(test.name, func(t *testing.T) {
			var err error
			allocs := testing.AllocsPerRun(200, func() {
				if e := test.run(); e != nil {
					err = e
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if allocs > test.max {
				t.Errorf("got %v allocations, want at most %v", allocs, test.max)
			}
		})
	}
}

// TestClaims has messages that promise more than they hold.
func TestClaims(t *testing.T) {
	many := bytes.Repeat([]byte{0xc0}, 1000)
	for _, data := range [][]byte{
		wire("dfffffffff").bytes(),
		wire("ddffffffff").bytes(),
		eventOf("ddffffffff"),
		eventOf("dfffffffff"),
		eventOf("dbffffffff"),
		eventOf("c6ffffffff"),
		eventOf("c9ffffffff00"),
		append(object("type", 2, "data", wire("dd7fffffff a165")), many...),
		append(eventOf("dd7fffffff"), many...),
	} {
		n := allocated(func() {
			if p, err := msgpack.Codec.NewDecoder(parser.Limits{}).Decode(data, true); err == nil {
				t.Errorf("%x decodes to %+v", data, p)
			}
		})
		if n > 1<<14 {
			t.Errorf("%.20x: %d bytes were allocated for %d", data, n, len(data))
		}
	}
}
