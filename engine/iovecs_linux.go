package engine

import (
	"runtime"
	"syscall"
	"unsafe"
)

// iovecs is memory for the arguments of writev.
type iovecs [2*maxParts + 2]syscall.Iovec

// write writes pieces, none of which is empty and of which there are no more than
// a vector has.
func (v *iovecs) write(fd int, pieces [][]byte) (int, error) {
	for i, p := range pieces {
		v[i].Base = &p[0]
		v[i].SetLen(len(p))
	}
	n, _, errno := syscall.Syscall(syscall.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(v)), uintptr(len(pieces)))
	runtime.KeepAlive(pieces)
	clear(v[:len(pieces)])
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
