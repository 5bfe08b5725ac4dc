package msgpack_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

type message struct {
	Msg string `json:"msg"`
	N   int    `json:"n"`
}

func BenchmarkDecode(b *testing.B) {
	b.Run("event", func(b *testing.B) {
		data := object("type", 2, "data", []any{"echo", message{"hello", 1}}, "nsp", "/")
		dec := msgpack.Codec.NewDecoder(parser.Limits{})
		b.ReportAllocs()
		for b.Loop() {
			if _, err := dec.Decode(data, true); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("event into struct", func(b *testing.B) {
		data := object("type", 2, "data", []any{"echo", message{"hello", 1}}, "nsp", "/")
		dec := msgpack.Codec.NewDecoder(parser.Limits{})
		b.ReportAllocs()
		for b.Loop() {
			p, err := dec.Decode(data, true)
			if err != nil {
				b.Fatal(err)
			}
			var m message
			if err := p.Args.Decode(&m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("event into any", func(b *testing.B) {
		data := object("type", 2, "data", []any{"echo", message{"hello", 1}}, "nsp", "/")
		dec := msgpack.Codec.NewDecoder(parser.Limits{})
		b.ReportAllocs()
		for b.Loop() {
			p, err := dec.Decode(data, true)
			if err != nil {
				b.Fatal(err)
			}
			var m any
			if err := p.Args.Decode(&m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("scalars", func(b *testing.B) {
		data := object("type", 2, "data", []any{"sum", 17, "seventeen"}, "id", 12, "nsp", "/")
		dec := msgpack.Codec.NewDecoder(parser.Limits{})
		b.ReportAllocs()
		for b.Loop() {
			p, err := dec.Decode(data, true)
			if err != nil {
				b.Fatal(err)
			}
			var n int
			var s string
			if err := p.Args.Decode(&n, &s); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("text 64 KiB", func(b *testing.B) {
		data, _, err := msgpack.Codec.Append(nil, parser.Header{Type: parser.Event}, "text", []any{string(make64K('x'))})
		if err != nil {
			b.Fatal(err)
		}
		dec := msgpack.Codec.NewDecoder(parser.Limits{})
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := dec.Decode(data, true); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("binary 64 KiB", func(b *testing.B) {
		data := object("type", 2, "data", []any{"bin", make64K(1)}, "nsp", "/")
		dec := msgpack.Codec.NewDecoder(parser.Limits{})
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			p, err := dec.Decode(data, true)
			if err != nil {
				b.Fatal(err)
			}
			var got []byte
			if err := p.Args.Decode(&got); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("binary in struct", func(b *testing.B) {
		data := object("type", 2, "data", []any{"bin", map[string]any{"name": "x", "data": []byte("0123456789")}}, "nsp", "/")
		dec := msgpack.Codec.NewDecoder(parser.Limits{})
		b.ReportAllocs()
		for b.Loop() {
			p, err := dec.Decode(data, true)
			if err != nil {
				b.Fatal(err)
			}
			var got struct {
				Name string
				Data []byte
			}
			if err := p.Args.Decode(&got); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	event := parser.Header{Type: parser.Event}
	for _, bench := range []struct {
		name string
		h    parser.Header
		args []any
	}{
		{"struct", event, []any{message{"hello", 1}}},
		{"pointer to struct", event, []any{&message{"hello", 1}}},
		{"map", event, []any{map[string]any{"msg": "hello", "n": 1}}},
		{"scalars", event, []any{"hello", 1, true}},
		{"ack", parser.Header{Type: parser.Ack, ID: 17, HasID: true}, []any{"ok"}},
		{"text 64 KiB", event, []any{string(make64K('x'))}},
		{"binary 64 KiB", event, []any{make64K(1)}},
		{"binary in struct", event, []any{struct {
			Name string `json:"name"`
			Data []byte `json:"data"`
		}{"x", []byte("0123456789")}}},
		{"any in struct", event, []any{struct {
			Name string `json:"name"`
			Data any    `json:"data"`
		}{"x", map[string]any{"a": 1}}}},
		{"date", event, []any{time.UnixMilli(1700000000123)}},
		{"marshaler", event, []any{marshaler{1}}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, _, err = msgpack.Codec.Append(dst[:0], bench.h, "echo", bench.args); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func make64K(c byte) []byte {
	data := make([]byte, 64<<10)
	for i := range data {
		data[i] = c
	}
	return data
}

// BenchmarkHostile has inputs that are quadratic in a careless implementation:
// the throughput should not depend on the size.
func BenchmarkHostile(b *testing.B) {
	for _, bench := range []struct {
		name string
		arg  func(n int) wire
	}{
		{"elements", func(n int) wire { return wire(fmt.Sprintf("dd%08x", n) + strings.Repeat("c0", n)) }},
		{"members", func(n int) wire { return wire(fmt.Sprintf("df%08x", n/3) + strings.Repeat("a16100", n/3)) }},
		{"nesting", func(n int) wire {
			return wire(fmt.Sprintf("dd%08x", n/500) + strings.Repeat(strings.Repeat("91", 499)+"90", n/500))
		}},
		{"nested maps", func(n int) wire {
			return wire(fmt.Sprintf("dd%08x", n/1500) + strings.Repeat(strings.Repeat("81a161", 499)+"80", n/1500))
		}},
		{"undefined members", func(n int) wire { return wire(fmt.Sprintf("df%08x", n/5) + strings.Repeat("a161d40000", n/5)) }},
	} {
		for _, size := range []int{1 << 15, 1 << 20} {
			data := eventOf(bench.arg(size))
			for _, ptr := range []any{nil, new(any), new(jsonRaw), new(*tree)} {
				b.Run(fmt.Sprintf("%s/%T/%d", bench.name, ptr, size), func(b *testing.B) {
					dec := msgpack.Codec.NewDecoder(parser.Limits{})
					b.SetBytes(int64(len(data)))
					for b.Loop() {
						if p, err := dec.Decode(data, true); err == nil {
							_ = p.Args.DecodeAt(0, ptr)
						}
					}
				})
			}
		}
	}
}
