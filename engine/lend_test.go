package engine_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// worker is a session that lends its reader after each batch, as soon as the
// connection is a busy one.
type worker struct {
	*session
	work    func()
	refuse  chan struct{} // Lend has returned false
	batches int
}

const warmUpBatches = 10

func (w *worker) OnBatch(c *engine.Conn) {
	if w.batches++; w.batches <= warmUpBatches {
		return
	}
	if !c.Lend(doFunc(w.work)) {
		w.refuse <- struct{}{}
	}
	if c.Lend(doFunc(w.work)) {
		panic("lent twice")
	}
}

type doFunc func()

func (f doFunc) Do() { f() }

// lender runs a server, with start or startInMemory, whose sessions do work after each
// batch.
func lender(t *testing.T, start func(testing.TB, *engine.ServerOptions) *harness, work func(s *session)) *harness {
	t.Helper()
	var h *harness
	var opts engine.ServerOptions
	opts.OnConnect = func(c *engine.Conn) engine.Handler {
		s := newSession(c)
		h.sessions <- s
		return &worker{session: s, work: func() { work(s) }, refuse: make(chan struct{}, 100)}
	}
	h = start(t, &opts)
	return h
}

// busy connects a client whose connection is a busy one.
func (h *harness) busy() *peer {
	h.t.Helper()
	w := h.websocket()
	for range warmUpBatches {
		w.send("4x")
		w.wantMessage(h.t, "x")
	}
	return w
}

// While the reader is lent, the server reads nothing until ReadOn is called.
func TestLend(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	h := lender(t, start, func(*session) {
		entered <- struct{}{}
		<-leave
	})
	w := h.busy()
	w.ReadOn() // no reader is lent
	w.send("4a")
	receive(t, entered, "the work")
	w.wantMessage(t, "a")
	w.send("4b")
	time.Sleep(5 * time.Millisecond) // it would have come
	if len(w.messages) > 0 {
		t.Fatal("read while the reader was lent")
	}
	w.ReadOn()
	w.wantMessage(t, "b")
	receive(t, entered, "the work of another reader")
	w.send("4c")
	time.Sleep(5 * time.Millisecond)
	if len(w.messages) > 0 {
		t.Fatal("read while the second reader was lent")
	}
	// The first goroutine does not read after its work, because the second will.
	leave <- struct{}{}
	leave <- struct{}{}
	w.wantMessage(t, "c")
	receive(t, entered, "the work")
	leave <- struct{}{}
	close(leave)
	w.send("4d")
	w.wantMessage(t, "d")
	w.nc.Close()
	w.wantClose(t, engine.TransportClose)
}

// onceLender lends its reader after one batch, as soon as the connection is a busy one.
type onceLender struct {
	*session
	batches int
	lent    chan bool // what Lend has returned
	done    chan struct{}
}

func (l *onceLender) OnBatch(c *engine.Conn) {
	if l.batches++; l.batches == warmUpBatches+1 {
		l.lent <- c.Lend(doFunc(func() { l.done <- struct{}{} }))
	}
}

// A reader runs its work once, and only OnBatch can lend it.
func TestLendOnce(t *testing.T) {
	t.Parallel()
	lenders := make(chan *onceLender, 1)
	var h *harness
	h = start(t, &engine.ServerOptions{OnConnect: func(c *engine.Conn) engine.Handler {
		l := &onceLender{session: newSession(c), lent: make(chan bool, 1), done: make(chan struct{}, 100)}
		h.sessions <- l.session
		lenders <- l
		return l
	}})
	w := h.busy()
	l := receive(t, lenders, "the lender")
	w.send("4a")
	w.wantMessage(t, "a")
	if !receive(t, l.lent, "the end of Lend") {
		t.Fatal("the reader of a busy connection was not lent")
	}
	receive(t, l.done, "the work")
	for _, text := range []string{"b", "c"} {
		w.send("4" + text)
		w.wantMessage(t, text)
	}
	w.nc.Close()
	w.wantClose(t, engine.TransportClose)
	if n := len(l.done); n != 0 {
		t.Errorf("the work was done %d times more, want once only", n)
	}
	if w.Lend(doFunc(func() {})) {
		t.Error("Lend returned true outside OnBatch")
	}
}

// A connection can end while its reader is lent.
func TestEndsWhileLent(t *testing.T) {
	t.Parallel()
	for _, readOn := range []bool{false, true} {
		for name, end := range map[string]func(*peer){
			"Close":  func(w *peer) { w.Close() },
			"peer":   func(w *peer) { w.nc.Close() },
			"panic":  func(*peer) {},
			"Goexit": func(*peer) {},
		} {
			t.Run(fmt.Sprintf("%s/%v", name, readOn), func(t *testing.T) {
				entered, leave := make(chan struct{}, 10), make(chan struct{})
				h := lender(t, start, func(s *session) {
					entered <- struct{}{}
					<-leave
					switch name {
					case "panic":
						panic("in work")
					case "Goexit":
						runtime.Goexit()
					}
				})
				w := h.busy()
				w.send("4a")
				receive(t, entered, "the work")
				if readOn {
					w.ReadOn()
				}
				end(w)
				close(leave)
				switch name {
				case "Close":
					w.wantClose(t, engine.ForcedClose)
				case "panic":
					if err := w.wantClose(t, engine.TransportError); err == nil || !strings.Contains(err.Error(), "in work") {
						t.Errorf("ended with %v", err)
					}
				case "Goexit": // does not end the session
					w.wantMessage(t, "a")
					w.send("4b")
					w.wantMessage(t, "b")
					w.nc.Close()
					fallthrough
				default:
					w.wantClose(t, engine.TransportClose)
				}
				waitFor(t, "the session to go", func() bool { return h.Len() == 0 })
			})
		}
	}
}

// The goroutine of a request is not lent, because it must respond; neither is that of
// an upgrade's probe, or one that an idle connection keeps.
func TestReadersThatAreNotLent(t *testing.T) {
	t.Parallel()
	refused := make(chan struct{}, 100)
	var h *harness
	h = start(t, &engine.ServerOptions{OnConnect: func(c *engine.Conn) engine.Handler {
		s := newSession(c)
		h.sessions <- s
		return &worker{session: s, work: func() { t.Error("lent") }, refuse: refused, batches: warmUpBatches}
	}})
	p := h.poll()
	p.post("4a")
	receive(t, refused, "a refusal")
	probe := h.dialWebSocket("EIO=4&transport=websocket&sid=" + p.ID())
	probe.send("2probe")
	probe.want("3probe")
	receive(t, refused, "a refusal")
	p.drop()

	serveWrapped(t, h)
	w := h.websocket()
	w.send("4a")
	receive(t, refused, "a refusal")
}

// Pongs that wait because the reader is lent do not count as missing: the connection
// survives several unanswered pings.
func TestHeartbeatWhileLent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		defer close(leave)
		w := unhurried(t, lender(t, startInMemory, func(*session) { <-leave }).busy())
		w.send("4a")
		w.wantMessage(t, "a")
		for range 3 {
			w.want("2")
		}
	})
}

// Messages are delivered one at a time and in order, even if the reading goroutine
// changes.
func TestReadOnAtAnyTime(t *testing.T) {
	t.Parallel()
	const clients, messages = 8, 300
	h := lender(t, start, func(*session) {
		if rand.N(4) == 0 {
			time.Sleep(rand.N(300 * time.Microsecond))
		}
	})
	var wg sync.WaitGroup
	var peers []*peer
	for range clients {
		w := h.busy()
		peers = append(peers, w)
		var delivering atomic.Bool
		w.onMessage = func(string) {
			if delivering.Swap(true) {
				t.Error("two messages at once")
			}
			runtime.Gosched()
			delivering.Store(false)
		}
		stop := make(chan struct{})
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					w.ReadOn()
					time.Sleep(rand.N(100 * time.Microsecond))
				}
			}
		})
		wg.Go(func() {
			defer close(stop)
			for i := range messages {
				if _, err := w.nc.Write(masked(ws.Text, "4"+strconv.Itoa(i))); err != nil {
					t.Error(err)
					return
				}
				if i%7 == 0 {
					time.Sleep(rand.N(200 * time.Microsecond))
				}
			}
		})
	}
	for i := range messages {
		for _, w := range peers {
			w.wantMessage(t, strconv.Itoa(i))
		}
	}
	wg.Wait()
}
