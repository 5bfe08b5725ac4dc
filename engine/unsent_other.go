//go:build !linux

package engine

import "syscall"

func limitUnsent(syscall.RawConn, int) {}
