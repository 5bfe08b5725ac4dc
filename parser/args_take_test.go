package parser_test

import (
	"encoding/json"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/parser"
)

// Take may hand attachments over, but never the same one twice.
func TestTake(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args  string
		taken bool
	}{
		{`{"_placeholder":true,"num":0}`, true},
		{`{"num":0,"_placeholder":true},7,"x"`, true},
		{`{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}`, true},
		{`{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}`, false},
		{`{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":0}}`, false},
		{`{"_placeholder":true,"num":0},[]`, false},
	} {
		zero := []byte("zero")
		args := decode(t, `52-["e",`+test.args+`]`, zero, []byte("one")).Args
		lent := args
		var borrowed parser.Borrowed
		if err := lent.Take(&borrowed); err != nil || string(borrowed) != "zero" {
			t.Errorf("%s: got %q, %v", test.args, borrowed, err)
		}
		zero[0] = 'Z'
		if taken := borrowed[0] == 'Z'; taken != test.taken {
			t.Errorf("%s: lent: %v, want %v", test.args, taken, test.taken)
		}
		zero[0] = 'z'
		var first []byte
		var second any
		if err := args.Take(&first, &second); err != nil || string(first) != "zero" {
			t.Errorf("%s: got %q, %v", test.args, first, err)
		}
		zero[0] = 'Z'
		if taken := first[0] == 'Z'; taken != test.taken {
			t.Errorf("%s: taken: %v, want %v", test.args, taken, test.taken)
		}
		if b, ok := second.([]byte); ok && string(b) != "zero" && string(b) != "one" {
			t.Errorf("%s: got %q as second", test.args, b)
		}
	}
	args := decode(t, `2["e","x",2]`).Args
	var s string
	var wrong bool
	if err := args.Take(&s); err != nil || s != "x" {
		t.Errorf("got %q, %v", s, err)
	}
	if err := args.Take(nil, &wrong); err == nil {
		t.Error("no error for a wrong type")
	}
}

// Decoded values do not share memory with released packets.
func TestRelease(t *testing.T) {
	t.Parallel()
	type inner struct {
		Text   string
		Raw    json.RawMessage
		Number json.Number
		Any    any
		Time   time.Time
	}
	newPtrs := func() []any {
		return []any{new(string), new(json.RawMessage), new(json.Number), new(any), new(inner), new(map[string]any),
			new([]string), new(big.Int), new(float64), new(*string), new([]json.RawMessage), new(map[string]json.Number)}
	}
	const object = `{"text":"a\u00e9b","raw":[1, 2],"number":123456789012345678901234567890,"any":{"k":["v"]},"time":"2026-01-02T03:04:05Z"}`
	const args = `"some text",{"a": [1,"x"]},12345678901234567890,["any",{"b":"c"}],` + object + `,` + object +
		`,["p","q"],98765432109876543210,1.5e3,"pointer",["raw",{"r":1}],{"n":1.25}`
	dec := parser.JSON.NewDecoder(parser.Limits{})
	next := func(packet string) *parser.Packet {
		p, err := dec.Decode([]byte(packet), false)
		if err != nil {
			t.Fatalf("%s: %v", packet, err)
		}
		return p
	}
	want := newPtrs()
	if err := decode(t, `2["e",`+args+`]`).Args.Decode(want...); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		got := newPtrs()
		taken := next(`2["e",` + args + `]`)
		if err := taken.Args.Take(got...); err != nil {
			t.Fatal(err)
		}
		taken.Args.Release(got...)
		taken.Release()
		for range 3 {
			const size = len(args) - 50 // fits into the memory of the previous packet
			p := next(`2["e","` + strings.Repeat("X", size) + `"]`)
			var s string
			if err := p.Args.Take(&s); err != nil || s != strings.Repeat("X", size) {
				t.Fatalf("got %q, %v", s, err)
			}
			p.Release()
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatal("a decoded value has changed")
		}
	}
	for _, packet := range []string{`2["e"]`, `2["e",1,2,3,4,5]`, `2["e","` + strings.Repeat("x", 5000) + `"]`} {
		for range 2 {
			p := next(packet)
			text := p.Args.String()
			if p.Release(); text != decode(t, packet).Args.String() {
				t.Errorf("%s: got %s", packet, text)
			}
		}
	}
	new(parser.Packet).Release()
	parser.Args{}.Release(nil)
}
