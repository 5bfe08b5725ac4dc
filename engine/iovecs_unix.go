//go:build unix && !linux

package engine

import "syscall"

type iovecs struct{}

// write writes the pieces one after the other.
func (iovecs) write(fd int, pieces [][]byte) (int, error) {
	total := 0
	for _, p := range pieces {
		n, err := syscall.Write(fd, p)
		total += max(n, 0)
		switch {
		case total > 0 && (err == syscall.EAGAIN || err == syscall.EINTR):
			return total, nil
		case err != nil:
			return total, err
		case n < len(p):
			return total, nil
		}
	}
	return total, nil
}
