// Package await helps tests to wait for conditions and channels.
package await

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Patience is how long the functions wait before they fail the test: long enough for a
// busy machine with the race detector. A test that passes does not wait for it.
const Patience = time.Minute

// Receive returns the next value of a channel, or the zero value if it is closed.
func Receive[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	timeout := time.NewTimer(Patience)
	defer timeout.Stop()
	select {
	case v = <-c:
	case <-timeout.C:
		t.Fatalf("timed out after %v waiting for %s", Patience, what)
	}
	return v
}

// Until polls a condition every millisecond and returns when it holds. If the test
// fails, the message includes the results of the functions in state.
func Until(t testing.TB, what string, holds func() bool, state ...func() any) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out after %v waiting for %s%s", Patience, what, last(state))
		}
	}
}

// last formats the state in which the wait for a condition ended.
func last(state []func() any) string {
	var b strings.Builder
	for _, get := range state {
		fmt.Fprintf(&b, "; last state: %v", get())
	}
	return b.String()
}

// Context returns a context that ends with the test, or after [Patience].
func Context(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	return ctx
}
