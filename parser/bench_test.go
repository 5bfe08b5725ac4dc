package parser_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
)

type message struct {
	Msg string `json:"msg"`
	N   int    `json:"n"`
}

func BenchmarkDecode(b *testing.B) {
	b.Run("event", func(b *testing.B) {
		data := []byte(`2["echo",{"msg":"hello","n":1}]`)
		dec := parser.JSON.NewDecoder(parser.Limits{})
		b.ReportAllocs()
		for b.Loop() {
			if _, err := dec.Decode(data, false); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("event into struct", func(b *testing.B) {
		data := []byte(`2["echo",{"msg":"hello","n":1}]`)
		dec := parser.JSON.NewDecoder(parser.Limits{})
		b.ReportAllocs()
		for b.Loop() {
			p, err := dec.Decode(data, false)
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
		data := []byte(`2["echo",{"msg":"hello","n":1}]`)
		dec := parser.JSON.NewDecoder(parser.Limits{})
		b.ReportAllocs()
		for b.Loop() {
			p, err := dec.Decode(data, false)
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
		data := []byte(`212["sum",17,"seventeen"]`)
		dec := parser.JSON.NewDecoder(parser.Limits{})
		b.ReportAllocs()
		for b.Loop() {
			p, err := dec.Decode(data, false)
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
		data, _, err := parser.JSON.Append(nil, parser.Header{Type: parser.Event}, "text", []any{string(make64K('x'))})
		if err != nil {
			b.Fatal(err)
		}
		dec := parser.JSON.NewDecoder(parser.Limits{})
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := dec.Decode(data, false); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("binary 64 KiB", func(b *testing.B) {
		data := []byte(`51-["bin",{"_placeholder":true,"num":0}]`)
		attachment := make64K(1)
		dec := parser.JSON.NewDecoder(parser.Limits{})
		b.SetBytes(int64(len(attachment)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := dec.Decode(data, false); err != nil {
				b.Fatal(err)
			}
			p, err := dec.Decode(attachment, true)
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
		data := []byte(`51-["bin",{"name":"x","data":{"_placeholder":true,"num":0}}]`)
		attachment := []byte("0123456789")
		dec := parser.JSON.NewDecoder(parser.Limits{})
		b.ReportAllocs()
		for b.Loop() {
			if _, err := dec.Decode(data, false); err != nil {
				b.Fatal(err)
			}
			p, err := dec.Decode(attachment, true)
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
	} {
		b.Run(bench.name, func(b *testing.B) {
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, _, err = parser.JSON.Append(dst[:0], bench.h, "echo", bench.args); err != nil {
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

// BenchmarkHostile has inputs that were quadratic in some implementation: the
// throughput should not depend on the size.
func BenchmarkHostile(b *testing.B) {
	for _, bench := range []struct {
		name string
		text func(n int) string
	}{
		{"attachment count", func(n int) string { return "5" + strings.Repeat("1", n) }},
		{"id", func(n int) string { return "2" + strings.Repeat("0", n) + `["e"]` }},
		{"escapes", func(n int) string { return `2["e","` + strings.Repeat(`\n`, n/2) + `"]` }},
		{"arguments", func(n int) string { return `2["e"` + strings.Repeat(",0", n/2) + `]` }},
		{"nesting", func(n int) string {
			return `2["e"` + strings.Repeat(","+strings.Repeat("[", 500)+strings.Repeat("]", 500), n/1001) + `]`
		}},
		{"placeholders", func(n int) string {
			return `51-["e"` + strings.Repeat(`,{"a":[{"_placeholder":true,"num":0}]}`, n/38) + `]`
		}},
	} {
		for _, size := range []int{1 << 15, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%d", bench.name, size), func(b *testing.B) {
				data := []byte(bench.text(size))
				dec := parser.JSON.NewDecoder(parser.Limits{})
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					p, err := dec.Decode(data, false)
					if p == nil && err == nil {
						_, _ = dec.Decode([]byte("a"), true)
					}
				}
			})
		}
	}
}
