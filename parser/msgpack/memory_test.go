package msgpack_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// The decoder of an idle connection holds little memory, regardless of the names that it
// decoded.
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

// Held, together with the messages that a packet was decoded from, is the memory
// that the packet holds, regardless of its contents.
func TestHeldIsWhatPacketsHold(t *testing.T) {
	for name, codec := range map[string]parser.Codec{"json": parser.JSON, "msgpack": msgpack.Codec} {
		for _, shape := range []struct {
			name string
			args []any
			n    int
		}{
			{"nothing", nil, 5000},
			{"a number", []any{1}, 5000},
			{"few numbers", []any{1, 2, 3, 4}, 5000},
			{"many numbers", ones(9_000), 20},
			{"many lists", lists(9_000), 20},
			{"a list of lists", []any{lists(100_000)}, 20},
			{"a text", []any{strings.Repeat("x", 700)}, 2000},
			{"a long text", []any{strings.Repeat("x", 100_000)}, 50},
			{"attachments", []any{[]byte("a"), []byte("b"), []byte("c"), []byte("d"), []byte("e"), []byte("f")}, 2000},
			{"long attachments", []any{make([]byte, 9_000), make([]byte, 70_000)}, 100},
		} {
			t.Run(name+"/"+shape.name, func(t *testing.T) {
				data, attachments, err := codec.Append(nil, parser.Header{Type: parser.Event}, "e", shape.args)
				if err != nil {
					t.Fatal(err)
				}
				packets := make([]*parser.Packet, shape.n)
				decoder := codec.NewDecoder(parser.Limits{})
				counted := 0
				before := liveHeap()
				for i := range packets {
					message := bytes.Clone(data)
					counted += len(message)
					p, err := decoder.Decode(message, codec.Binary())
					for _, a := range attachments {
						message := bytes.Clone(a)
						counted += cap(message)
						p, err = decoder.Decode(message, true)
					}
					if err != nil || p == nil {
						t.Fatal(p, err)
					}
					packets[i] = p
					counted += p.Held()
				}
				real := liveHeap() - before
				t.Logf("%d bytes are counted for %d", counted, real)
				if int(real) > counted*5/4 || counted > 3*int(real) {
					t.Errorf("%d bytes are counted for %d", counted, real)
				}
				runtime.KeepAlive(packets)
			})
		}
	}
}

func ones(n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = 1
	}
	return list
}

func lists(n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = []any{}
	}
	return list
}

// liveHeap returns the size of reachable memory.
func liveHeap() int64 {
	for range 3 { // pools are emptied by two collections
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
