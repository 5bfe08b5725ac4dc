package client

import (
	"context"
	"math"
	"time"
)

// backoff returns the time to wait before an attempt to connect again; the first
// is number 1. The delay doubles from attempt to attempt, up to ReconnectDelayMax.
// random, in [0,1), spreads it evenly over the range that RandomizationFactor
// allows. The range ends at ReconnectDelayMax: if it were cut there afterwards, all
// clients of a server that was away for some time would come back in step.
func (o *Options) backoff(attempt int, random float64) time.Duration {
	limit := float64(o.ReconnectDelayMax)
	delay := math.Min(float64(o.ReconnectDelay)*math.Pow(2, math.Min(float64(attempt-1), 62)), limit)
	low := delay * (1 - o.RandomizationFactor)
	high := math.Min(delay*(1+o.RandomizationFactor), limit)
	return time.Duration(low + random*(high-low))
}

// allows reports whether the attempt to reconnect of that number is to be made.
func (o *Options) allows(attempt int) bool {
	return !o.NoReconnect && (o.ReconnectAttempts == 0 || attempt <= o.ReconnectAttempts)
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
