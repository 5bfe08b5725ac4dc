package engine

import (
	"fmt"
	"slices"
	"time"
)

// The functions below check the options of servers and clients and fill in defaults.

// firstError returns the first of errs that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// orDefault replaces a zero option by its default and rejects a negative one.
func orDefault[T int | time.Duration](field string, p *T, def T) error {
	if *p < 0 {
		return &OptionError{field, *p, "must not be negative"}
	}
	if *p == 0 {
		*p = def
	}
	return nil
}

// orTime is orDefault for a duration. It also rejects durations below a millisecond:
// the protocol counts in whole milliseconds, and no network needs less.
func orTime(field string, p *time.Duration, def time.Duration) error {
	if d := *p; d > 0 && d < time.Millisecond {
		return &OptionError{field, d, fmt.Sprintf("must be at least 1ms; a plain number counts nanoseconds, write %[1]d * time.Second or %[1]d * time.Millisecond", int64(d))}
	}
	return orDefault(field, p, def)
}

// withThreshold replaces *p, unless it is nil, by a copy with the default filled in.
func withThreshold(p **PerMessageDeflate) error {
	if *p == nil {
		return nil
	}
	deflate := **p
	*p = &deflate
	return orDefault("PerMessageDeflate.Threshold", &deflate.Threshold, DefaultCompressionThreshold)
}

// withTransports replaces *p by a copy, or by the default if it is empty. The
// transports in streams are valid, too.
func withTransports(p *[]Transport, streams []Transport) error {
	if *p == nil {
		*p = []Transport{Polling, WebSocket}
	}
	*p = slices.Clone(*p)
	if len(*p) == 0 {
		return &OptionError{"Transports", *p, "at least one is needed"}
	}
	for _, t := range *p {
		if t != Polling && t != WebSocket && !slices.Contains(streams, t) {
			return &OptionError{"Transports", t, "unknown transport: use Polling or WebSocket"}
		}
	}
	return nil
}

func (o Overflow) check() error {
	if o < Disconnect || o > Refuse {
		return &OptionError{"Overflow", int(o), "unknown policy: use Disconnect, DropOldest, DropNewest or Refuse"}
	}
	return nil
}
