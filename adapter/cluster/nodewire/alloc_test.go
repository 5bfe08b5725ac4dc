package nodewire_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/adapter/cluster/nodewire"
)

// Unwanted messages cost no memory.
func TestHeaderAllocatesNothing(t *testing.T) {
	for _, s := range corpus(t) {
		codec := codecs[s.Adapter]
		var h cluster.Header
		if n := testing.AllocsPerRun(10, func() {
			if err := codec.Header(&h, s.Wire, cluster.Limits{}); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s %s: %v allocations", s.Adapter, s.Name, n)
		}
	}
}

// event is a broadcast with arguments of a size.
func event(size int) *cluster.Message {
	return &cluster.Message{
		Kind: cluster.Broadcast, Sender: "b0ec62430e44b1c9", Namespace: "/chat", Target: rooms("room"),
		Body: body(`["event",{"text":"` + strings.Repeat("x", size) + `"}]`),
	}
}

// JSON is copied into messages, and not out of them.
func TestBodiesAreNotCopied(t *testing.T) {
	const size = 100_000
	m := event(size)
	for _, codec := range []cluster.Codec{nodewire.JSON, nodewire.Sharded} {
		dst := make([]byte, 0, 2*size)
		if n := testing.AllocsPerRun(10, func() {
			if _, err := codec.Append(dst, m); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("appending: %v allocations", n)
		}
		wire, _ := codec.Append(nil, m)
		// The message, four texts and lists, and the slice of a header's rooms.
		if n := testing.AllocsPerRun(10, func() {
			if _, err := codec.Decode(wire, cluster.Limits{}); err != nil {
				t.Fatal(err)
			}
		}); n > 7 {
			t.Errorf("decoding: %v allocations", n)
		}
		if n := allocated(func() { codec.Decode(wire, cluster.Limits{}) }); n > size/10 {
			t.Errorf("decoding allocates %d bytes for %d", n, len(wire))
		}
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func BenchmarkHeader(b *testing.B) {
	for name, codec := range codecs {
		wire, err := codec.Append(nil, event(200))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			var h cluster.Header
			b.ReportAllocs()
			for b.Loop() {
				if err := codec.Header(&h, wire, cluster.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, codec := range codecs {
		m := event(200)
		var wire []byte
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				wire, _ = codec.Append(wire[:0], m)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, codec := range codecs {
		wire, err := codec.Append(nil, event(200))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := codec.Decode(wire, cluster.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
