package nodewire_test

import (
	"testing"

	"github.com/seed96b07ef8/socketio/adapter/cluster"
)

func FuzzJSON(f *testing.F)        { fuzz(f, "json") }
func FuzzPack(f *testing.F)        { fuzz(f, "pack") }
func FuzzSharded(f *testing.F)     { fuzz(f, "sharded") }
func FuzzClassic(f *testing.F)     { fuzz(f, "classic") }
func FuzzStreamEntry(f *testing.F) { fuzz(f, "entry") }

// fuzz checks that no wire causes a panic or disproportionate allocation, and what checkWire does.
func fuzz(f *testing.F, adapter string) {
	for _, s := range corpus(f) {
		if s.Adapter == adapter && len(s.Wire) < 1<<10 {
			f.Add(s.Wire)
		}
	}
	codec := codecs[adapter]
	f.Fuzz(func(t *testing.T, wire []byte) {
		decode := func() { codec.Decode(wire, cluster.Limits{}) }
		most := 1<<14 + 64*uint64(len(wire))
		if n := allocated(decode); n > most {
			// The figure includes the fuzzer's own allocations: measure again.
			if n = min(n, allocated(decode)); n > most {
				t.Fatalf("%d bytes were allocated for %d", n, len(wire))
			}
		}
		checkWire(t, codec, wire)
	})
}
