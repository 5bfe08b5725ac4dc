package msgpack_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/internal/parsertest"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

func BenchmarkDecode(b *testing.B) { parsertest.BenchmarkDecode(b, msgpack.Codec) }

func BenchmarkAppend(b *testing.B) {
	parsertest.BenchmarkAppend(b, msgpack.Codec, map[string]any{
		"date":      time.UnixMilli(1700000000123),
		"marshaler": marshaler{1},
	})
}

// BenchmarkHostile decodes inputs for which a careless implementation takes
// quadratic time. The throughput should not depend on the size.
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
