package engine

import (
	"sync"
	"syscall"
	"unsafe"
)

// A queueOp queries the length of a socket's send queue. It is pooled to avoid
// allocating the closure for RawConn.
type queueOp struct {
	fn func(fd uintptr)
	n  int32
}

var queueOps = sync.Pool{New: func() any {
	op := new(queueOp)
	op.fn = op.run
	return op
}}

func (op *queueOp) run(fd uintptr) {
	// SIOCOUTQ, see tcp(7), does not block. After an error n is 0, which means
	// unknown.
	_, _, _ = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&op.n)))
}

// unacked returns the number of bytes in the socket's send queue, which are those
// that the peer's TCP has not acknowledged.
func unacked(raw syscall.RawConn) uint32 {
	op := queueOps.Get().(*queueOp)
	defer queueOps.Put(op)
	op.n = 0
	if raw.Control(op.fn) != nil {
		return 0
	}
	return uint32(max(op.n, 0))
}

const tcpNotSentLowat = 25 // TCP_NOTSENT_LOWAT of linux/tcp.h

// limitUnsent bounds the bytes that the kernel takes from a socket's writer ahead of what
// it has sent.
func limitUnsent(raw syscall.RawConn, limit int) {
	// If it fails, as on a Unix socket, the kernel's limit applies.
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, limit)
	})
}
