//go:build !linux

package engine

// A poller watches idle WebSockets if the system can do that for many with little
// memory. On this system each has a waiting goroutine instead.
type poller struct {
	disabled   bool
	goroutines *group // of the server
}

type watch struct{}

func (*poller) works() bool { return false }

func (*poller) park(*link, int) bool { return false }

func (*poller) forget(*link) {}
