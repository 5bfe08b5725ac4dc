//go:build !unix

package main

import "golang.org/x/term"

// followSize sets a terminal's size once: this system does not signal changes.
func followSize(t *term.Terminal) (stop func()) {
	measure(t)
	return func() {}
}
