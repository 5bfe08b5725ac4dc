//go:build !386

package main

import (
	"syscall"
	"unsafe"
)

// useDirect makes the system calls those of package engine.
func useDirect() {
	call := func(trap, flags uintptr) func(fd int, b []byte) (int, error) {
		return func(fd int, b []byte) (int, error) {
			n, _, errno := syscall.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
			if errno != 0 {
				return 0, errno
			}
			return int(n), nil
		}
	}
	read = call(syscall.SYS_RECVFROM, syscall.MSG_DONTWAIT)
	write = call(syscall.SYS_SENDTO, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
	direct = true
}
