//go:build !race

package parser_test

import (
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
)

// TestAllocations keeps the common paths from getting slower unnoticed. (The
// race detector allocates on its own, and makes pools forgetful.)
func TestAllocations(t *testing.T) {
	dec := parser.JSON.NewDecoder(parser.Limits{})
	data := []byte(`2["echo",{"msg":"hello","n":1}]`)
	header := []byte(`51-["bin",{"_placeholder":true,"num":0}]`)
	attachment := []byte("blob")
	var m message
	var blob []byte
	pm, pblob := any(&m), any(&blob)

	// Boxed in advance: the values are the caller's allocations.
	structArgs := []any{&message{"hello", 1}}
	mapArgs := []any{map[string]any{"msg": "hello", "n": 1}}
	ackArgs := []any{"ok", 17}
	binaryArgs := []any{attachment}
	ack := parser.Header{Type: parser.Ack, ID: 17, HasID: true}
	dst := make([]byte, 0, 256)

	appendTo := func(h parser.Header, args []any) func() error {
		return func() error {
			_, _, err := parser.JSON.Append(dst, h, "echo", args)
			return err
		}
	}
	for _, test := range []struct {
		name string
		max  float64
		run  func() error
	}{
		{"decode event", 2, func() error { // the packet, its JSON
			_, err := dec.Decode(data, false)
			return err
		}},
		{"decode event into struct", 3, func() error { // and the string
			p, err := dec.Decode(data, false)
			if err != nil {
				return err
			}
			return p.Args.DecodeAt(0, pm)
		}},
		{"decode binary event", 4, func() error { // and the list of attachments, a copy
			if _, err := dec.Decode(header, false); err != nil {
				return err
			}
			p, err := dec.Decode(attachment, true)
			if err != nil {
				return err
			}
			return p.Args.DecodeAt(0, pblob)
		}},
		{"append struct", 0, appendTo(event, structArgs)},
		{"append map", 0, appendTo(event, mapArgs)},
		{"append ack", 0, appendTo(ack, ackArgs)},
		{"append binary", 1, appendTo(event, binaryArgs)}, // the list of attachments
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
