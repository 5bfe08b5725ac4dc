package parser_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/internal/parsertest"
)

func BenchmarkDecode(b *testing.B) { parsertest.BenchmarkDecode(b, parser.JSON) }

func BenchmarkAppend(b *testing.B) { parsertest.BenchmarkAppend(b, parser.JSON, nil) }

// BenchmarkHostile decodes inputs for which some implementation took quadratic
// time. The throughput should not depend on the size.
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

// BenchmarkEcho measures the parser's part of an event whose handler returns its
// argument, the most common small event.
func BenchmarkEcho(b *testing.B) {
	data := []byte(`217["echo",{"msg":"hello","n":1}]`)
	dec := parser.JSON.NewDecoder(parser.Limits{})
	var p *parser.Packet
	decode := func(b *testing.B) {
		if p != nil {
			p.Release()
		}
		var err error
		if p, err = dec.Decode(data, false); err != nil {
			b.Fatal(err)
		}
	}
	var m parsertest.Message
	ptrs := []any{&m}
	take := func(b *testing.B) {
		if err := p.Args.Take(ptrs...); err != nil {
			b.Fatal(err)
		}
	}
	decode(b)
	take(b)
	ack := parser.Header{Type: parser.Ack, Namespace: "/", ID: 17, HasID: true}
	args := []any{m}
	var dst []byte
	answer := func(b *testing.B) {
		var err error
		if dst, _, err = parser.JSON.Append(dst[:0], ack, "", args); err != nil {
			b.Fatal(err)
		}
	}
	for _, part := range []struct {
		name string
		run  func(*testing.B)
	}{
		{"decode", decode},
		{"take", take},
		{"ack", answer},
	} {
		b.Run(part.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				part.run(b)
			}
		})
	}
}
