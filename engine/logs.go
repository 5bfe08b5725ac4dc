package engine

import (
	"strings"
	"sync/atomic"
	"time"
)

// An occasion is something that peers can bring about as often as they like and that is
// logged once a minute at most.
type occasion struct {
	due   atomic.Int64 // on the clock, when it may be logged again; zero at first
	count atomic.Int64 // since it was logged last
}

const logInterval = time.Minute

// next counts the occasion. It returns how often there was one since it was logged
// last, or zero if it is not to be logged now.
func (o *occasion) next() int64 {
	o.count.Add(1)
	now, due := int64(clock()), o.due.Load()
	if due != 0 && now < due || !o.due.CompareAndSwap(due, now+int64(logInterval)) {
		return 0
	}
	return o.count.Swap(0)
}

// excerpt shortens what a peer sent for the log.
func excerpt(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
