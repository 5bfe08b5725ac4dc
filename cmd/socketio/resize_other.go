//go:build !unix

package main

import "golang.org/x/term"

// followSize tells a terminal its size, once: changes are not announced here.
func followSize(t *term.Terminal) (stop func()) {
	measure(t)
	return func() {}
}
