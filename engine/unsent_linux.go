package engine

import "syscall"

// unsentLimit is how many bytes the kernel keeps of what it has not sent yet. It would
// take up to four megabytes, ahead of which no ping can get: a client that judges the
// server by its pings, as those in JavaScript do, gives up before it has received them
// over a slow link. See docs/decisions/0016-signs-of-life.md.
const unsentLimit = 128 << 10

const tcpNotSentLowat = 25 // TCP_NOTSENT_LOWAT of linux/tcp.h

// limitUnsent has the kernel take no more than unsentLimit bytes ahead of what it sends.
func limitUnsent(raw syscall.RawConn) {
	// Where it fails, as on a Unix socket, the kernel's own limit stays.
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, unsentLimit)
	})
}
