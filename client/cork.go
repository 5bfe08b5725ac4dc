package client

import (
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// What handlers emit is held back while further events wait to be handled, so that
// it leaves in one write, but no longer than this.
const corkTime = time.Millisecond

// A corker holds messages back.
type corker struct {
	corked atomic.Pointer[engine.Client]
	timer  *time.Timer // used by whoever runs the handlers
}

// hold holds back what is sent on e, until release.
func (c *corker) hold(e *engine.Client) {
	if c.corked.Load() != nil {
		return
	}
	e.Cork()
	c.corked.Store(e) // not before: the timer of an earlier batch may still come
	if c.timer == nil {
		c.timer = time.AfterFunc(corkTime, c.release)
	} else {
		c.timer.Reset(corkTime)
	}
}

// release sends what was held back.
func (c *corker) release() {
	if e := c.corked.Swap(nil); e != nil {
		e.Uncork()
	}
}
