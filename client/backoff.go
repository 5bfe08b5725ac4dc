package client

import (
	"context"
	"math"
	"time"
)

// backoff returns the time to wait before an attempt to connect again; the first
// is number 1. It doubles from attempt to attempt and is spread by chance, so
// that the clients of a server which restarts do not come back all at once. random
// is in [0,1).
func (o *Options) backoff(attempt int, random float64) time.Duration {
	delay := float64(o.ReconnectDelay) * math.Pow(2, math.Min(float64(attempt-1), 62))
	if o.RandomizationFactor > 0 {
		deviation := math.Floor(random * o.RandomizationFactor * delay)
		if int(random*10)%2 == 0 {
			deviation = -deviation
		}
		delay += deviation
	}
	return time.Duration(math.Min(delay, float64(o.ReconnectDelayMax)))
}

// sleep waits for d. It returns false when ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
