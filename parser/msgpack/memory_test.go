package msgpack_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// What the decoder of an idle connection remembers is small, whatever names it has seen.
func TestIdleDecodersAreSmall(t *testing.T) {
	long := strings.Repeat("x", 500_000)
	for name, codec := range map[string]parser.Codec{"json": parser.JSON, "msgpack": msgpack.Codec} {
		t.Run(name, func(t *testing.T) {
			limits := parser.Limits{MaxEventName: 1 << 20}
			data, _, err := codec.Append(nil, parser.Header{Type: parser.Event, Namespace: "/" + long}, long, nil)
			if err != nil {
				t.Fatal(err)
			}
			const n = 20
			decoders := make([]parser.Decoder, n)
			before := liveHeap()
			for i := range decoders {
				decoders[i] = codec.NewDecoder(limits)
				p, err := decoders[i].Decode(data, codec.Binary())
				if err != nil || p.Event != long || p.Namespace != "/"+long {
					t.Fatalf("decoding: %v", err)
				}
			}
			if held := (liveHeap() - before) / n; held > 10_000 {
				t.Errorf("a decoder holds %d bytes", held)
			}
			runtime.KeepAlive(decoders)
		})
	}
}

// liveHeap returns the size of what is reachable.
func liveHeap() int64 {
	for range 3 { // pools forget in two rounds
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
