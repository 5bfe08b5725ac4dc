// Package leakcheck finds goroutines of this module that are still running after
// tests.
package leakcheck

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

const module = "github.com/seed96b07ef8/socketio"

// patience is how long goroutines may take to end.
var patience = 20 * time.Second

// Main runs the tests and returns the exit code for TestMain. It is not zero if
// goroutines are left after the tests passed.
func Main(m interface{ Run() int }) int {
	code := m.Run()
	if code != 0 {
		return code
	}
	if left := await(nil); len(left) > 0 {
		fmt.Fprintln(os.Stderr, report(left))
		return 1
	}
	return 0
}

// Check fails t if goroutines that were started after the call are still
// running at the end of t, after all cleanups that are registered later. It
// cannot distinguish the goroutines of parallel tests from those of t.
func Check(t testing.TB) {
	t.Helper()
	known := make(map[string]bool)
	for _, stack := range stacks() {
		known[id(stack)] = true
	}
	t.Cleanup(func() {
		if left := await(known); len(left) > 0 {
			t.Error(report(left))
		}
	})
}

// await waits for the goroutines that are not known to end, and returns the
// stacks of those that do not.
func await(known map[string]bool) []string {
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var left []string
		for _, stack := range stacks() {
			if !known[id(stack)] {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
	}
}

// stacks returns the stacks of all goroutines that run code of this module or
// were started by it, except the caller and the tests themselves.
func stacks() []string {
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) {
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	all := strings.Split(strings.TrimSpace(string(buf[:n])), "\n\n")
	var ours []string
	for _, stack := range all[1:] { // the first is the caller's
		if strings.Contains(stack, module) && !strings.Contains(stack, "\ntesting.tRunner(") {
			ours = append(ours, stack)
		}
	}
	return ours
}

// id returns the "goroutine 42" of a stack, which is never used again.
func id(stack string) string {
	name, _, _ := strings.Cut(stack, " [")
	return name
}

func report(left []string) string {
	return fmt.Sprintf("%d goroutines are left:\n\n%s", len(left), strings.Join(left, "\n\n"))
}
