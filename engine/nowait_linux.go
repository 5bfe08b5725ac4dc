//go:build !386 && !race && !msan

package engine

import (
	"syscall"
	"unsafe"
)

// sendNow and receiveNow are write(2) and read(2) for sockets, without waiting,
// whatever mode the socket is in. So the runtime need not be told of the call, which
// would have it find others to run on this processor meanwhile. That costs more than
// half a microsecond a call and, when the kernel lets another process go first, a
// thread too many. See docs/decisions/0011-system-calls.md.
func sendNow(fd int, b []byte) (int, error) {
	if len(b) > maxNow {
		return syscall.Write(fd, b)
	}
	return socketCall(syscall.SYS_SENDTO, fd, b, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
}

func receiveNow(fd int, b []byte) (int, error) {
	if len(b) > maxNow {
		return syscall.Read(fd, b)
	}
	return socketCall(syscall.SYS_RECVFROM, fd, b, syscall.MSG_DONTWAIT)
}

// maxNow is how many bytes are copied at most without the runtime knowing, which
// cannot stop the world meanwhile.
const maxNow = 128 << 10

func socketCall(trap uintptr, fd int, b []byte, flags uintptr) (int, error) {
	n, _, errno := syscall.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
