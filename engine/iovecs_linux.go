package engine

import (
	"runtime"
	"syscall"
	"unsafe"
)

// iovecs is the array of arguments for writev.
type iovecs [2*maxParts + 2]syscall.Iovec

// write writes pieces with writev. None may be empty, and there are at most as many
// as a vector has.
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
