//go:build !linux

package engine

import "sync"

// A poller watches idle WebSockets where the system can do that for many with
// little memory. Here a goroutine waits for each.
type poller struct {
	disabled   bool
	goroutines *sync.WaitGroup // of the server
}

type watch struct{}

func (*poller) works() bool { return false }

func (*poller) park(*link, int) bool { return false }

func (*poller) forget(*link) {}
