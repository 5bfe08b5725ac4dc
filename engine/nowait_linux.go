//go:build !386 && !race && !msan

package engine

import (
	"syscall"
	"unsafe"
)

// sendNow and receiveNow are write(2) and read(2) for sockets that never block,
// whatever the mode of the socket. They bypass the runtime's bookkeeping of system
// calls, which costs more than half a microsecond per call and, if the kernel
// schedules another process first, an additional thread. See
// docs/decisions/0011-system-calls.md.
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

// maxNow bounds the number of bytes copied per call, because the runtime cannot stop
// the world during the call.
const maxNow = 128 << 10

func socketCall(trap uintptr, fd int, b []byte, flags uintptr) (int, error) {
	n, _, errno := syscall.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
