package parsertest

import (
	"bytes"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
)

// newBinary returns 64 KiB.
func newBinary(c byte) []byte { return bytes.Repeat([]byte{c}, 64<<10) }

var ackHeader = parser.Header{Type: parser.Ack, ID: 17, HasID: true}

// decode decodes a packet with its attachments.
func decode(dec parser.Decoder, binary bool, data []byte, attachments [][]byte) (*parser.Packet, error) {
	p, err := dec.Decode(data, binary)
	for _, a := range attachments {
		if err != nil {
			break
		}
		p, err = dec.Decode(a, true)
	}
	return p, err
}

// BenchmarkDecode measures decoding packets and most of their arguments.
func BenchmarkDecode(b *testing.B, codec parser.Codec) {
	message := []any{Message{"hello", 1}}
	ask := parser.Header{Type: parser.Event, ID: 12, HasID: true}
	for _, bench := range []struct {
		name string
		h    parser.Header
		args []any
		read func(parser.Args) error // nil: the arguments are not decoded
	}{
		{"event", Event, message, nil},
		{"event into struct", Event, message, func(args parser.Args) error {
			var m Message
			return args.Decode(&m)
		}},
		{"event into any", Event, message, func(args parser.Args) error {
			var m any
			return args.Decode(&m)
		}},
		{"scalars", ask, []any{17, "seventeen"}, func(args parser.Args) error {
			var n int
			var s string
			return args.Decode(&n, &s)
		}},
		{"text 64 KiB", Event, []any{string(newBinary('x'))}, nil},
		{"binary 64 KiB", Event, []any{newBinary(1)}, func(args parser.Args) error {
			var data []byte
			return args.Decode(&data)
		}},
		{"binary in struct", Event, []any{map[string]any{"name": "x", "data": []byte("0123456789")}}, func(args parser.Args) error {
			var fields struct {
				Name string
				Data []byte
			}
			return args.Decode(&fields)
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			data, attachments := Encode(b, codec, bench.h, "echo", bench.args...)
			size := len(data)
			for _, a := range attachments {
				size += len(a)
			}
			dec := codec.NewDecoder(parser.Limits{})
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				p, err := decode(dec, codec.Binary(), data, attachments)
				if err != nil {
					b.Fatal(err)
				}
				if bench.read == nil {
					continue
				}
				if err := bench.read(p.Args); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAppend measures encoding packets, including events with the arguments in
// others.
func BenchmarkAppend(b *testing.B, codec parser.Codec, others map[string]any) {
	run := func(name string, h parser.Header, args ...any) {
		b.Run(name, func(b *testing.B) {
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, _, err = codec.Append(dst[:0], h, "echo", args); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("struct", Event, Message{"hello", 1})
	run("pointer to struct", Event, &Message{"hello", 1})
	run("map", Event, map[string]any{"msg": "hello", "n": 1})
	run("scalars", Event, "hello", 1, true)
	run("ack", ackHeader, "ok")
	run("text 64 KiB", Event, string(newBinary('x')))
	run("binary 64 KiB", Event, newBinary(1))
	run("binary in struct", Event, struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}{"x", []byte("0123456789")})
	run("any in struct", Event, struct {
		Name string `json:"name"`
		Data any    `json:"data"`
	}{"x", map[string]any{"a": 1}})
	for name, arg := range others {
		run(name, Event, arg)
	}
}

// MaxAllocations are the allocations that a codec may need.
type MaxAllocations struct {
	// These are for events with a small argument.
	Decode, DecodeStruct, DecodeBinary float64
	Append, AppendBinary               float64
}

// TestAllocations checks the allocations of the common paths. It does not run with
// the race detector, which allocates memory itself and drops pooled objects.
func TestAllocations(t *testing.T, codec parser.Codec, most MaxAllocations) {
	dec := codec.NewDecoder(parser.Limits{})
	decodeInto := func(arg, ptr any) func() error {
		data, attachments := Encode(t, codec, Event, "echo", arg)
		return func() error {
			p, err := decode(dec, codec.Binary(), data, attachments)
			if err != nil {
				return err
			}
			return p.Args.DecodeAt(0, ptr)
		}
	}
	dst := make([]byte, 0, 256)
	// The values are boxed in advance: they are the caller's allocations.
	appendTo := func(h parser.Header, args ...any) func() error {
		return func() error {
			_, _, err := codec.Append(dst, h, "echo", args)
			return err
		}
	}
	message, blob := &Message{"hello", 1}, []byte("blob")
	for _, test := range []struct {
		name string
		most float64
		run  func() error
	}{
		{"decode event", most.Decode, decodeInto(message, nil)},
		{"decode event into struct", most.DecodeStruct, decodeInto(message, new(Message))},
		{"decode binary event", most.DecodeBinary, decodeInto(blob, new([]byte))},
		{"append struct", most.Append, appendTo(Event, message)},
		{"append map", most.Append, appendTo(Event, map[string]any{"msg": "hello", "n": 1})},
		{"append ack", most.Append, appendTo(ackHeader, "ok", 17)},
		{"append binary", most.AppendBinary, appendTo(Event, blob)},
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
			if allocs > test.most {
				t.Errorf("got %v allocations, want at most %v", allocs, test.most)
			}
		})
	}
}
