//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// followSize updates a terminal's size until stop is called.
func followSize(t *term.Terminal) (stop func()) {
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, syscall.SIGWINCH)
	measure(t)
	go func() { // ends with stop
		for range changes {
			measure(t)
		}
	}()
	return func() {
		signal.Stop(changes)
		close(changes)
	}
}
