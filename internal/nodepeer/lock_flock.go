//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package nodepeer

import (
	"os"
	"syscall"
)

// lock waits until no other process has locked the file.
func lock(name string) (unlock func(), err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: name, Err: err}
	}
	return func() { f.Close() }, nil
}
