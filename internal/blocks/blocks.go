// Package blocks lends memory for large binary messages, which costs more to allocate
// and to collect than to fill.
package blocks

import (
	"math/bits"
	"sync"
)

// The smallest and the largest capacity of what is pooled are powers of two: below,
// allocating is cheap; above, a few messages would hold too much.
const (
	minBits = 9
	maxBits = 20
)

// pools hold blocks, as *[]byte, by the number of bits of their capacity: those of one
// pool are less than twice as large as one another.
var pools [maxBits + 1 - minBits]sync.Pool

// headers holds *[]byte without blocks, so that Put need not allocate one.
var headers = sync.Pool{New: func() any { return new([]byte) }}

// poolOf returns where blocks of a capacity belong, or nil.
func poolOf(capacity int) *sync.Pool {
	if capacity < 1<<minBits || capacity > 1<<maxBits {
		return nil
	}
	return &pools[bits.Len(uint(capacity))-1-minBits]
}

// Get returns n bytes, whatever they are. The block's capacity is n, or less than
// twice that; all of it belongs to the caller, who may keep it.
func Get(n int) []byte {
	if pool := poolOf(n); pool != nil {
		if h, _ := pool.Get().(*[]byte); h != nil {
			b := *h
			*h = nil
			headers.Put(h)
			// One that is too small is dropped: larger ones, which suit everybody, take
			// its place.
			if cap(b) >= n {
				return b[:n]
			}
		}
	}
	return make([]byte, n)
}

// Put lets Get return b again, to its full capacity. Nobody may use any of it
// afterwards. b need not come from Get, but nothing else may share its memory.
func Put(b []byte) {
	if pool := poolOf(cap(b)); pool != nil {
		h := headers.Get().(*[]byte)
		*h = b
		pool.Put(h)
	}
}
