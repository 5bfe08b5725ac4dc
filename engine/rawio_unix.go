//go:build unix

package engine

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

// rawConn returns the socket of nc, or nil if nc is a wrapper, such as TLS.
func rawConn(nc net.Conn) syscall.RawConn {
	switch nc := nc.(type) {
	case *net.TCPConn:
		raw, _ := nc.SyscallConn()
		return raw
	case *net.UnixConn:
		raw, _ := nc.SyscallConn()
		return raw
	}
	return nil
}

// A writeOp is one attempt to write. It is pooled to avoid allocating the closure for
// RawConn.
type writeOp struct {
	fn     func(fd uintptr)
	b      []byte
	pieces [][]byte // instead of b
	vec    iovecs
	n      int
	err    error
}

var writeOps = sync.Pool{New: func() any {
	op := new(writeOp)
	op.fn = op.run
	return op
}}

func (op *writeOp) run(fd uintptr) {
	for {
		if op.pieces != nil {
			op.n, op.err = op.vec.write(int(fd), op.pieces)
		} else {
			op.n, op.err = sendNow(int(fd), op.b)
		}
		switch op.err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			op.n, op.err = 0, nil
		}
		return
	}
}

// tryWrite writes as much as fits into the socket's buffer, without blocking.
func tryWrite(raw syscall.RawConn, b []byte) (int, error) {
	op := writeOps.Get().(*writeOp)
	op.b = b
	return op.do(raw)
}

// tryWritePieces is tryWrite for bytes in several pieces.
func tryWritePieces(raw syscall.RawConn, pieces [][]byte) (int, error) {
	if len(pieces) == 1 {
		return tryWrite(raw, pieces[0])
	}
	op := writeOps.Get().(*writeOp)
	op.pieces = pieces
	return op.do(raw)
}

func (op *writeOp) do(raw syscall.RawConn) (int, error) {
	op.n, op.err = 0, nil
	err := raw.Control(op.fn) // Write would prepare to wait
	n := max(op.n, 0)
	if err == nil {
		err = op.err
	}
	op.b, op.pieces = nil, nil
	writeOps.Put(op)
	return n, err
}

// tryRead reads the bytes that have arrived. ready is false if there are none.
func tryRead(fd uintptr, b []byte) (n int, ready bool, err error) {
	for {
		n, err = receiveNow(int(fd), b)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return 0, false, nil
		case err != nil:
			return 0, true, err
		case n == 0:
			return 0, true, io.EOF
		}
		return n, true, nil
	}
}

// peerClosed reports whether a write failed because the peer has closed the
// connection, so that it sends nothing more than what has arrived.
func peerClosed(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}
