package load

import (
	"math/bits"
	"time"
)

// A histogram counts durations in buckets whose width is an eighth of their
// power of two, or better.
type histogram struct {
	counts [64 * subBuckets]int64
	n      int64
}

const (
	subBits    = 4
	subBuckets = 1 << subBits
)

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)))]++
	h.n++
}

func bucket(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - subBits
	return (shift+1)<<subBits + int(v>>shift) - subBuckets
}

// upper is the largest value of a bucket.
func upper(i int) uint64 {
	if i < subBuckets {
		return uint64(i)
	}
	shift := i>>subBits - 1
	return uint64(i%subBuckets+subBuckets+1)<<shift - 1
}

// quantile returns what the fraction q of the durations does not exceed.
func (h *histogram) quantile(q float64) time.Duration {
	rank := int64(q * float64(h.n))
	var seen int64
	for i, c := range h.counts {
		seen += c
		if c > 0 && seen >= rank {
			return time.Duration(upper(i))
		}
	}
	return 0
}

func (h *histogram) reset() { *h = histogram{} }
