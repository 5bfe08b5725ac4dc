// Package proc reads what the kernel knows of processes and of the machine.
package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// CPU returns the CPU time of a process, user and system, of all its threads
// since it started, to the nanosecond.
func CPU(pid int) (time.Duration, error) {
	// clock_getcpuclockid(3): the scheduler's clock of another process.
	const schedClock = 2
	clock := ^pid<<3 | schedClock
	var ts syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&ts)), 0)
	if errno != 0 {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, errno)
	}
	return time.Duration(ts.Nano()), nil
}

// RSS returns the resident memory of a process in bytes.
func RSS(pid int) (int64, error) {
	return field(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Rss:")
}

// Meminfo returns a line of /proc/meminfo, such as "MemAvailable:", in bytes.
func Meminfo(key string) (int64, error) { return field("/proc/meminfo", key) }

// Kernel returns the bytes that the kernel itself has in use: slabs, its
// threads' stacks, page tables, socket buffers.
func Kernel() (int64, error) {
	var sum int64
	for _, key := range []string{"Slab:", "KernelStack:", "PageTables:"} {
		n, err := Meminfo(key)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// field reads "key   123 kB" from a file of the kernel's.
func field(file, key string) (int64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == key {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in %s", key, file)
}

// Busy returns the CPU time of the whole machine that was not idle.
func Busy() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return 0, fmt.Errorf("cannot read /proc/stat: %q", line)
	}
	var ticks int64
	for i, s := range f[1:9] {
		if i == 3 || i == 4 { // idle, iowait
			continue
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// MaxFiles raises the limit of open descriptors as far as this process may and
// returns it. Processes that it starts inherit it.
func MaxFiles(want uint64) (uint64, error) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, err
	}
	if l.Max < want {
		raised := syscall.Rlimit{Cur: want, Max: want}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			return want, nil
		}
	}
	l.Cur = l.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, err
	}
	return l.Cur, nil
}
