//go:build !race

package blocks_test

import (
	"testing"

	"github.com/seed96b07ef8/socketio/internal/blocks"
)

func TestAllocations(t *testing.T) {
	allocs := testing.AllocsPerRun(1000, func() {
		large, small := blocks.Get(64<<10), blocks.Get(600)
		blocks.Put(large[:10])
		blocks.Put(small)
	})
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
