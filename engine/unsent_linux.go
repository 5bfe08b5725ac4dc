package engine

import "syscall"

const tcpNotSentLowat = 25 // TCP_NOTSENT_LOWAT of linux/tcp.h

// limitUnsent bounds the bytes that the kernel takes from a socket's writer ahead of what
// it has sent.
func limitUnsent(raw syscall.RawConn, limit int) {
	// If it fails, as on a Unix socket, the kernel's limit applies.
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, limit)
	})
}
