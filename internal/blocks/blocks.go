// Package blocks pools memory for large binary messages, which is more expensive to
// allocate and collect than to fill.
package blocks

import (
	"math/bits"
	"sync"
)

// The smallest and the largest capacity of pooled blocks are powers of two. Smaller
// blocks are cheap to allocate, and a few larger ones would hold too much memory.
const (
	minBits = 9
	maxBits = 20
)

// pools holds blocks, as *[]byte, by the number of bits of their capacity, so the
// sizes within one pool differ by less than a factor of two.
var pools [maxBits + 1 - minBits]sync.Pool

// headers holds *[]byte without blocks, so that Put need not allocate one.
var headers = sync.Pool{New: func() any { return new([]byte) }}

// poolOf returns the pool for blocks of a capacity, or nil.
func poolOf(capacity int) *sync.Pool {
	if capacity < 1<<minBits || capacity > 1<<maxBits {
		return nil
	}
	return &pools[bits.Len(uint(capacity))-1-minBits]
}

// Get returns a block of n bytes with unspecified contents. Its capacity is less
// than 2n. The caller owns all of it and may keep it.
func Get(n int) []byte {
	if pool := poolOf(n); pool != nil {
		if h, _ := pool.Get().(*[]byte); h != nil {
			b := *h
			*h = nil
			headers.Put(h)
			// Drop a block that is too small: larger ones, which suit all requests,
			// take its place.
			if cap(b) >= n {
				return b[:n]
			}
		}
	}
	return make([]byte, n)
}

// Put makes b available to Get, up to its full capacity. The caller must not
// use it afterwards. b need not have been returned by Get, but must not share
// its memory.
func Put(b []byte) {
	if pool := poolOf(cap(b)); pool != nil {
		h := headers.Get().(*[]byte)
		*h = b
		pool.Put(h)
	}
}
