package leakcheck

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// impatient shortens the wait for goroutines that never end.
func impatient(t *testing.T) {
	before := patience
	patience = 20 * time.Millisecond
	t.Cleanup(func() { patience = before })
}

// leak starts a goroutine that stays until the returned function is called.
func leak() (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go leaked(quit, done)
	return func() {
		close(quit)
		<-done
	}
}

func leaked(quit, done chan struct{}) {
	defer close(done)
	<-quit
}

// recorder is a testing.TB that records the calls of Check.
type recorder struct {
	testing.TB
	cleanups []func()
	errors   []string
}

func (r *recorder) Helper()           {}
func (r *recorder) Cleanup(f func())  { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Error(args ...any) { r.errors = append(r.errors, fmt.Sprint(args...)) }

func TestCheckFindsALeak(t *testing.T) {
	impatient(t)
	r := &recorder{TB: t}
	Check(r)
	stop := leak()
	r.cleanups[0]()
	stop()
	if len(r.errors) != 1 || !strings.Contains(r.errors[0], "leakcheck.leaked") {
		t.Errorf("got errors %q, want the stack of leaked", r.errors)
	}
}

func TestCheckIgnoresWhatWasThereBefore(t *testing.T) {
	impatient(t)
	defer leak()()
	r := &recorder{TB: t}
	Check(r)
	r.cleanups[0]()
	if len(r.errors) != 0 {
		t.Errorf("got errors %q", r.errors)
	}
}

func TestCheckWaits(t *testing.T) {
	r := &recorder{TB: t}
	Check(r)
	stop := leak()
	time.AfterFunc(20*time.Millisecond, stop)
	r.cleanups[0]()
	if len(r.errors) != 0 {
		t.Errorf("got errors %q for a goroutine that ends", r.errors)
	}
}

type run func() int

func (r run) Run() int { return r() }

func TestMainFunction(t *testing.T) {
	impatient(t)
	if code := Main(run(func() int { return 0 })); code != 0 {
		t.Errorf("clean run: code %d", code)
	}
	if code := Main(run(func() int { return 3 })); code != 3 {
		t.Errorf("failed run: code %d, want its own", code)
	}
	var stop func()
	if code := Main(run(func() int { stop = leak(); return 0 })); code == 0 {
		t.Error("run with a leak: code 0")
	}
	stop()
}
