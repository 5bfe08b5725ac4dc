//go:build !386 && !race && !msan

package engine

import (
	"errors"
	"io"
	"syscall"
	"testing"
)

// The runtime does not know of these system calls, so they must not block, even on a
// socket in blocking mode.
func TestSystemCallsDoNotWait(t *testing.T) {
	t.Parallel()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0) // it blocks
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fds[0])
	buf := make([]byte, 1000)
	if n, err := receiveNow(fds[1], buf); n != 0 || err != syscall.EAGAIN {
		t.Errorf("nothing to read: %d, %v", n, err)
	}
	sent := 0
	for {
		n, err := sendNow(fds[0], buf)
		if err == syscall.EAGAIN {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sent += n
	}
	received := 0
	for received < sent {
		n, ready, err := tryRead(uintptr(fds[1]), buf)
		if err != nil || !ready {
			t.Fatalf("%d of %d bytes arrived: %t, %v", received, sent, ready, err)
		}
		received += n
	}
	syscall.Close(fds[1])
	if _, err := sendNow(fds[0], buf); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("no reader: %v", err) // and there was no signal
	}
	if _, ready, err := tryRead(uintptr(fds[0]), buf); !ready || err != io.EOF {
		t.Errorf("the end: %t, %v", ready, err)
	}
}
