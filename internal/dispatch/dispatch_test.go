package dispatch

import (
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/internal/leakcheck"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Main(m)) }

// A Queue returns items in order, for any number of parts.
func TestQueue(t *testing.T) {
	t.Parallel()
	var q Queue[int]
	var m Memory[int]
	next, want := 0, 0
	for _, step := range []int{1, -1, 7, -3, 20, -24, 8, -8, 9, -1, -8, 100, -50, 30, -80} {
		for range step {
			if item := q.Push(&m); *item != 0 {
				t.Fatalf("a new item is %d, want 0", *item)
			} else {
				next++
				*item = next
			}
		}
		for range -step {
			want++
			if got := q.Pop(&m); got != want {
				t.Fatalf("got %d, want %d", got, want)
			}
		}
		if got := q.Len(); got != next-want {
			t.Fatalf("%d items, want %d", got, next-want)
		}
		if empty := q.head == nil && q.tail == nil; empty != (q.Len() == 0) {
			t.Fatalf("with %d items it holds no memory: %v", q.Len(), empty)
		}
	}
}

// A funcJob is a Job made of functions.
type funcJob struct{ work, resign func(w *Worker[int]) }

func (j funcJob) Work(w *Worker[int]) { j.work(w) }
func (j funcJob) Resign()             { j.resign(nil) }

// notes is a log of calls.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) add(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, what)
}

func (n *notes) want(t *testing.T, want ...string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Equal(n.list, want) {
		t.Errorf("got %q, want %q", n.list, want)
	}
	n.list = nil
}

// notedConn logs the calls of its methods.
type notedConn struct{ *notes }

func (c notedConn) Cork()   { c.add("cork") }
func (c notedConn) Uncork() { c.add("uncork") }
func (c notedConn) ReadOn() { c.add("read on") }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// A worker is reused with its Scratch. Close ends idle workers, and its channel is closed
// when no job is left.
func TestWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p Workers[int]
		count := func(w *Worker[int]) { w.Scratch++ }
		for range 3 {
			p.Run(funcJob{work: count})
			synctest.Wait()
		}
		if len(p.idle) != 1 || p.idle[0].Scratch != 3 {
			t.Fatalf("%d workers wait, want one that has done 3 jobs", len(p.idle))
		}
		release := make(chan struct{})
		wait := func(*Worker[int]) { <-release }
		p.Run(funcJob{work: wait})
		p.Run(funcJob{work: wait})
		p.Begin()
		quiet := p.Close()
		synctest.Wait()
		p.Run(funcJob{work: count}) // runs although it is late
		p.End()
		synctest.Wait()
		if isClosed(quiet) {
			t.Error("quiet while jobs are being done")
		}
		close(release)
		synctest.Wait()
		if !isClosed(quiet) || !isClosed(p.Close()) {
			t.Error("not quiet although no job is being done")
		}
	})
}

// The number of idle workers is bounded.
func TestIdleWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p Workers[int]
		release := make(chan struct{})
		for range maxIdleWorkers + 10 {
			p.Run(funcJob{work: func(*Worker[int]) { <-release }})
		}
		close(release)
		synctest.Wait()
		if got := len(p.idle); got != maxIdleWorkers {
			t.Errorf("%d workers wait, want %d", got, maxIdleWorkers)
		}
		<-p.Close()
	})
}

// A job that ends its goroutine resigns after its messages were sent.
func TestResign(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(j Job[int], p *Workers[int], r *Readers[int]){
		"worker":               func(j Job[int], p *Workers[int], _ *Readers[int]) { p.Run(j) },
		"reader":               func(j Job[int], _ *Workers[int], r *Readers[int]) { go r.Do(j, notedConn{new(notes)}, 7) },
		"goroutine of its own": func(j Job[int], _ *Workers[int], _ *Readers[int]) { Go(new(Worker[int]), j) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var workers Workers[int]
				var readers Readers[int]
				seen := new(notes)
				again := funcJob{work: func(*Worker[int]) { seen.add("go on") }}
				run(funcJob{
					work:   func(w *Worker[int]) { w.Hold(notedConn{seen}); runtime.Goexit() },
					resign: func(*Worker[int]) { seen.add("resign"); workers.Run(again) },
				}, &workers, &readers)
				synctest.Wait()
				seen.want(t, "cork", "uncork", "resign", "go on")
				<-readers.Close()
				<-workers.Close()
				time.Sleep(time.Second) // the readers' timer stops
			})
		})
	}
}

// A Cork releases its connection after CorkTime at the latest, and once.
func TestCork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var k Cork
		seen := new(notes)
		c := notedConn{seen}
		k.Release()
		k.Hold(c)
		k.Hold(c)
		if !k.Holds() {
			t.Error("holds nothing")
		}
		seen.want(t, "cork")
		time.Sleep(CorkTime)
		synctest.Wait()
		seen.want(t, "uncork")
		if k.Holds() {
			t.Error("holds something after its time")
		}
		k.Hold(c)
		time.Sleep(CorkTime / 2)
		k.Stop()
		k.Stop()
		seen.want(t, "cork", "uncork")
		time.Sleep(CorkTime / 4)
		k.Hold(c)
		time.Sleep(CorkTime / 2) // the time of the one before is over
		synctest.Wait()
		seen.want(t, "cork")
		k.Release()
		seen.want(t, "uncork")
		time.Sleep(2 * CorkTime)
		synctest.Wait()
		seen.want(t)
	})
}

// A reader that is lent for long is replaced once, and a reader that returns is reused.
func TestReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p Readers[int]
		seen := new(notes)
		c := notedConn{seen}
		for range 2 {
			p.Do(funcJob{work: func(w *Worker[int]) { w.Scratch++ }}, c, 3)
		}
		if spare := p.shards[3].spare; len(spare) != 1 || spare[0].Scratch != 2 {
			t.Errorf("%d readers are spare, want one that was lent twice", len(spare))
		}
		time.Sleep(time.Second)
		seen.want(t)
		if p.watching.Load() {
			t.Error("the timer is set although no reader is lent")
		}

		release, begun := make(chan struct{}), make(chan struct{})
		go p.Do(funcJob{work: func(*Worker[int]) { close(begun); <-release }}, c, 3)
		<-begun
		time.Sleep(Patience)
		synctest.Wait()
		seen.want(t, "read on")
		quiet := p.Close()
		time.Sleep(time.Second)
		seen.want(t)
		if isClosed(quiet) {
			t.Error("quiet while a reader is lent")
		}
		close(release)
		<-quiet
		if !isClosed(p.Close()) {
			t.Error("not quiet although no reader is lent")
		}
	})
}
