package blocks_test

import (
	"testing"

	"github.com/seed96b07ef8/socketio/internal/blocks"
)

// The capacity of a block is less than twice the requested size.
func TestGet(t *testing.T) {
	blocks.Put(nil)
	for n := range 1 << 13 {
		// Put another block into the pools.
		blocks.Put(make([]byte, n))
		blocks.Put(make([]byte, n, n+n/3))
		b := blocks.Get(max(n-100, 0))
		if len(b) != max(n-100, 0) || cap(b) > 2*len(b)+1 || b == nil {
			t.Fatalf("asked for %d, got %d of %d bytes", n-100, len(b), cap(b))
		}
	}
	for _, n := range []int{1<<20 - 1, 1 << 20, 1<<20 + 1, 3 << 20} {
		b := blocks.Get(n)
		if len(b) != n || cap(b) >= 2*n {
			t.Fatalf("asked for %d, got %d of %d bytes", n, len(b), cap(b))
		}
		blocks.Put(b)
	}
}

func TestBlocksAreNotShared(t *testing.T) {
	kept := make(map[*byte]bool)
	for i := range 1000 {
		b := blocks.Get(600 + i)
		if kept[&b[0]] {
			t.Fatal("got the same block twice")
		}
		if i%3 == 0 {
			kept[&b[0]] = true
		} else {
			blocks.Put(b)
		}
	}
}
