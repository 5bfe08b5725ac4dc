package engine

import (
	"runtime/debug"
	"testing"
)

func TestDefaultTotalBytes(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	debug.SetMemoryLimit(1 << 30)
	if got := defaultTotalBytes(); got != 1<<29 {
		t.Errorf("%d with a memory limit of 1 GiB, want %v", got, 1<<29)
	}
	debug.SetMemoryLimit(before)
	if got := defaultTotalBytes(); before > 1<<60 && got != DefaultTotalBytes {
		t.Errorf("%d without a memory limit", got)
	}
	if _, err := NewServer(&ServerOptions{TotalBytes: -1}); err == nil {
		t.Error("a negative limit is accepted")
	}
}
