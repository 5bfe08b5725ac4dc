//go:build !unix

package engine

import (
	"errors"
	"net"
	"syscall"
)

// rawConn returns nil: this system's sockets are read and written through
// net.Conn only.
func rawConn(net.Conn) syscall.RawConn { return nil }

func tryWrite(syscall.RawConn, []byte) (int, error) { return 0, errors.ErrUnsupported }

func tryWritePieces(syscall.RawConn, [][]byte) (int, error) { return 0, errors.ErrUnsupported }

func tryRead(uintptr, []byte) (int, bool, error) { return 0, true, errors.ErrUnsupported }

// peerClosed returns false: what a failed write leaves to be read is not known.
func peerClosed(error) bool { return false }
