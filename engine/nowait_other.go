//go:build unix && (!linux || 386 || race || msan)

package engine

import "syscall"

// These functions use the syscall package, so that the race detector and
// MemorySanitizer see the memory accesses.

func sendNow(fd int, b []byte) (int, error) { return syscall.Write(fd, b) }

func receiveNow(fd int, b []byte) (int, error) { return syscall.Read(fd, b) }
