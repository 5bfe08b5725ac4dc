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
