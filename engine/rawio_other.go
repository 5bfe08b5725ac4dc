//go:build !unix

package engine

import (
	"errors"
	"net"
	"syscall"
)

// rawConn returns nil: on this system sockets are read and written only through
// net.Conn.
func rawConn(net.Conn) syscall.RawConn { return nil }

func tryWrite(syscall.RawConn, []byte) (int, error) { return 0, errors.ErrUnsupported }

func tryWritePieces(syscall.RawConn, [][]byte) (int, error) { return 0, errors.ErrUnsupported }

func tryRead(uintptr, []byte) (int, bool, error) { return 0, true, errors.ErrUnsupported }

// peerClosed returns false: on this system a failed write does not show whether
// unread input is left.
func peerClosed(error) bool { return false }
