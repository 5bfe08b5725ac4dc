//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: needs Linux: it reads the kernel's accounting and uses epoll")
	os.Exit(1)
}
