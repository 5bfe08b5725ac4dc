//go:build !linux

package engine

import "syscall"

func unacked(syscall.RawConn) uint32 { return 0 }

func limitUnsent(syscall.RawConn, int) {}
