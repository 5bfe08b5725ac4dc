package dispatch

import (
	"sync"
	"time"
)

// A Conn is a connection that can delay sent messages: an engine.Conn or an
// engine.Client.
type Conn interface {
	// Cork delays messages that are sent from now on, until Uncork sends them.
	Cork()
	Uncork()
}

// CorkTime is how long a [Cork] delays messages at most: long enough for the handlers of
// the events of one read, and too short to be noticed.
const CorkTime = time.Millisecond

// A Cork delays the messages that are sent on a connection while further events wait to be
// handled, so that the messages of their handlers leave in one write. The zero value
// delays nothing.
type Cork struct {
	mu    sync.Mutex // guards what follows; nothing is taken under it
	conn  Conn       // nil: nothing is delayed
	timer *time.Timer
}

// Hold delays messages that are sent on c until Release, or for [CorkTime]. It does
// nothing if the Cork holds a connection already.
func (k *Cork) Hold(c Conn) {
	if k.Holds() {
		return
	}
	c.Cork()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conn = c // not earlier: the timer of an earlier Hold may still fire
	if k.timer == nil {
		k.timer = time.AfterFunc(CorkTime, k.Release)
	} else {
		k.timer.Reset(CorkTime)
	}
}

// Holds reports whether the Cork holds a connection.
func (k *Cork) Holds() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.conn != nil
}

// Release sends the delayed messages.
func (k *Cork) Release() {
	k.mu.Lock()
	c := k.conn
	k.conn = nil
	k.mu.Unlock()
	if c != nil {
		c.Uncork()
	}
}

// Stop is Release for the goroutine that called Hold. It stops the timer, which saves its
// goroutine.
func (k *Cork) Stop() {
	k.mu.Lock()
	if k.timer != nil {
		k.timer.Stop()
	}
	k.mu.Unlock()
	k.Release()
}
