package engine_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

var (
	modelSeed = flag.Uint64("model.seed", 0, "the first seed of TestModel")
	modelRuns = flag.Uint64("model.runs", 60, "the number of seeds of TestModel")
)

// TestModel lets clients that poll, post, upgrade, fail to upgrade, leave and vanish
// meet a server that sends, closes, aborts, evicts, panics and shuts down, in an order
// that a seed determines. No message is lost, doubled or out of order, each session
// ends once, and nothing is left of it.
func TestModel(t *testing.T) {
	t.Parallel()
	for seed := *modelSeed; seed < *modelSeed+*modelRuns; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runModel(t, seed) })
		})
	}
}

type model struct {
	t        *testing.T
	h        *harness
	seed     uint64
	streams  atomic.Uint64
	sessions chan *modelSession
	cutOff   atomic.Bool // Shutdown aborted sessions
	closing  atomic.Bool // Shutdown was called
}

// random returns a source that no other goroutine uses.
func (m *model) random() *rand.Rand { return rand.New(rand.NewPCG(m.seed, m.streams.Add(1))) }

func runModel(t *testing.T, seed uint64) {
	m := &model{t: t, seed: seed, sessions: make(chan *modelSession, 100)}
	r := m.random()
	opts := engine.ServerOptions{
		PingInterval: time.Second, PingTimeout: 800 * time.Millisecond, UpgradeTimeout: 2 * time.Second,
		RequestTimeout: 3 * time.Second, WriteTimeout: 3 * time.Second, MaxPollPackets: 1 + r.IntN(20),
		OnConnect: func(c *engine.Conn) engine.Handler {
			s := &modelSession{m: m, Conn: c, r: m.random(), done: make(chan struct{})}
			m.sessions <- s
			go s.sendSometimes(m.random())
			return s
		},
	}
	if r.IntN(3) == 0 {
		opts.TotalBytes = 300_000
	}
	m.h = startInMemory(t, &opts)
	var wg sync.WaitGroup
	for range 1 + r.IntN(4) {
		c := &modelClient{m: m, r: m.random(), sendMu: make(semaphore, 1)}
		wg.Go(c.run)
	}
	if r.IntN(2) == 0 {
		time.Sleep(time.Duration(r.IntN(8000)) * time.Millisecond)
		m.closing.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(10_000))*time.Millisecond)
		if m.h.Shutdown(ctx) != nil {
			m.cutOff.Store(true)
		}
		cancel()
	}
	wg.Wait()
	m.closing.Store(true)
	if err := m.h.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	m.h.client.CloseIdleConnections()
	time.Sleep(time.Minute)
	synctest.Wait()
	if n, held := m.h.Len(), m.h.Held(); n != 0 || held != 0 {
		t.Errorf("%d sessions and %d bytes are left, want none", n, held)
	}
	close(m.sessions)
	for s := range m.sessions {
		if n := s.ends.Load(); n != 1 {
			t.Errorf("OnClose was called %d times, want once", n)
		}
	}
}

// modelSession is the server's end of a session.
type modelSession struct {
	m *model
	*engine.Conn
	r    *rand.Rand // of OnMessage
	mu   sync.Mutex // the order of numbers
	sent int
	got  int
	ends atomic.Int32
	done chan struct{}

	harsh  atomic.Bool // the server ended the session other than with Close
	reason engine.Reason
	err    error
}

func (s *modelSession) send(r *rand.Rand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := r.IntN(50)
	if r.IntN(15) == 0 {
		size = r.IntN(150_000)
	}
	attachments := make([][]byte, r.IntN(6)/4)
	for i := range attachments {
		attachments[i] = fmt.Appendf(nil, "a%d", s.sent)
	}
	text := fmt.Sprintf("s%d %d %s", s.sent, len(attachments), strings.Repeat("x", size))
	flags := []engine.Flags{0, 0, 0, engine.Lazy, engine.Deferred, engine.Control, engine.NoCompress}[r.IntN(7)]
	var err error
	if r.IntN(2) == 0 {
		err = s.Send(engine.NewTextMessage([]byte(text), attachments...), flags)
	} else {
		err = s.SendText([]byte(text), attachments, flags)
	}
	if err == nil {
		s.sent++
	}
	if flags == engine.Deferred {
		s.Flush()
	}
}

func (s *modelSession) sendSometimes(r *rand.Rand) {
	for {
		select {
		case <-s.done:
			return
		case <-time.After(time.Duration(r.IntN(400)) * time.Millisecond):
		}
		corked := r.IntN(4) == 0
		if corked {
			s.Cork()
		}
		s.Hold(r.IntN(3000) - 1000)
		for range r.IntN(6) {
			s.send(r)
		}
		if corked {
			s.Uncork()
		}
		switch r.IntN(60) {
		case 0:
			s.Close()
		case 1:
			s.harsh.Store(true)
			s.Abort()
		case 2:
			s.Close()
			s.Abort()
			s.harsh.Store(true)
		}
	}
}

func (s *modelSession) OnMessage(_ *engine.Conn, data []byte, binary bool) {
	var n int
	if _, err := fmt.Sscanf(string(data), "c%d", &n); err != nil || n != s.got {
		s.m.t.Errorf("the server got %.20q, want message %d", data, s.got)
	}
	s.got = n + 1
	switch s.r.IntN(80) {
	case 0:
		s.Close()
	case 1:
		s.harsh.Store(true)
		panic("of the model")
	case 2:
		s.harsh.Store(true)
		runtime.Goexit()
	case 6:
		s.Close()
		s.harsh.Store(true)
		panic("of the model, closed")
	default:
		for range s.r.IntN(3) {
			s.send(s.r)
		}
	}
}

func (s *modelSession) OnClose(_ *engine.Conn, reason engine.Reason, err error) {
	s.reason, s.err = reason, err
	if s.ends.Add(1) == 1 {
		close(s.done)
	}
}
func (s *modelSession) OnUpgrade(*engine.Conn, engine.Transport) {}
func (s *modelSession) OnDrain(*engine.Conn)                     {}

// A semaphore is a mutex for which fake time does not wait.
type semaphore chan struct{}

func (s semaphore) Lock()   { s <- struct{}{} }
func (s semaphore) Unlock() { <-s }

// modelClient is a client.
type modelClient struct {
	m       *model
	r       *rand.Rand
	s       *modelSession
	query   string
	ctx     context.Context
	cancel  context.CancelFunc
	wantBin int

	sendMu semaphore // one POST at a time; held while the transport changes
	w      *peer
	sent   int
	failed bool

	mu     sync.Mutex
	got    int
	ended  bool
	pause  chan struct{} // closed when the poll loop has paused
	resume chan struct{}
	log    []string
}

func (c *modelClient) logf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, fmt.Sprintf("%v ", time.Now().Format("05.000"))+fmt.Sprintf(format, args...))
}

func (c *modelClient) run() {
	t := c.m.t
	c.ctx, c.cancel = context.WithCancel(context.Background())
	defer c.cancel()
	const handshake = "EIO=4&transport=polling"
	r, err := c.m.h.try("GET", handshake, "")
	if err != nil || r.status != 200 {
		if !c.m.closing.Load() {
			t.Errorf("handshake: %v %v", r, err)
		}
		return
	}
	sid := openSID(t, r.body)
	for s := range c.m.sessions {
		c.m.sessions <- s
		if s.ID() == sid {
			c.s = s
			break
		}
	}
	c.query = handshake + "&sid=" + sid
	_, rest, _ := strings.Cut(r.body, "\x1e")
	if rest != "" {
		c.take(rest)
	}
	var wg sync.WaitGroup
	wg.Go(c.pollLoop)
	poster := c.m.random()
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(poster.IntN(600)) * time.Millisecond):
				c.sendMessages(1 + poster.IntN(3))
			}
		}
	})
	for range c.r.IntN(4) {
		time.Sleep(time.Duration(c.r.IntN(3000)) * time.Millisecond)
		c.upgrade(&wg)
	}
	time.Sleep(time.Duration(c.r.IntN(6000)) * time.Millisecond)
	leaves, vanishes := false, false
	close(stop)
	switch c.r.IntN(4) {
	case 0:
		leaves = true
		c.logf("leaves")
		c.leave()
	case 1:
		vanishes = true
		c.logf("vanishes")
		c.vanish()
	case 2:
		c.logf("Close")
		c.s.Close()
	case 3:
		c.logf("stays")
		time.Sleep(3 * time.Second)
		c.s.Close()
	}
	wg.Wait()
	<-c.s.done
	time.Sleep(time.Minute) // after the end, whatever is late
	s := c.s
	full := errors.Is(s.err, engine.ErrServerFull)
	c.mu.Lock()
	defer c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	bad := ""
	switch {
	case vanishes:
	case s.reason == engine.ForcedClose:
		if c.got != s.sent && !leaves && !s.harsh.Load() && !c.m.cutOff.Load() && c.m.h.Evicted() == 0 {
			bad = "lost"
		}
	case s.reason == engine.TransportClose && leaves:
		if s.got != c.sent && !c.failed {
			bad = "lost from the client"
		}
	case full, s.harsh.Load():
	default:
		bad = "unexpected end"
	}
	if bad != "" {
		t.Errorf("%s: reason %q (%v), transport %v, leaves %v; server sent %d, client got %d; client sent %d (failed %v), server got %d\n%s",
			bad, s.reason, s.err, s.Transport(), leaves, s.sent, c.got, c.sent, c.failed, s.got, strings.Join(c.log, "\n"))
	}
}

// take records the packets of a payload. It returns true if the session has ended.
func (c *modelClient) take(payload string) (closed bool) {
	for packet := range strings.SplitSeq(payload, "\x1e") {
		closed = c.packet(decodePacket(c.m.t, packet)) || closed
	}
	return closed
}

func (c *modelClient) packet(p string) (closed bool) {
	t := c.m.t
	c.mu.Lock()
	defer c.mu.Unlock()
	var n, parts int
	switch {
	case p == "1":
		c.ended = true
		return true
	case p == "2":
		go c.send("3")
	case p == "6":
	case strings.HasPrefix(p, binaryMark):
		if want := fmt.Sprintf("%sa%d", binaryMark, c.got-1); p != want || c.wantBin == 0 {
			t.Errorf("the client got %.20q, want %q (%d)", p, want, c.wantBin)
		}
		c.wantBin--
	default:
		if _, err := fmt.Sscanf(p, "4s%d %d", &n, &parts); err != nil || n != c.got || c.wantBin != 0 {
			t.Errorf("the client got %.20q, want message %d", p, c.got)
		}
		c.got, c.wantBin = n+1, parts
	}
	return false
}

func (c *modelClient) do(method, body string) (reply, error) {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(c.ctx, method, c.m.h.url+"?"+c.query, reader)
	if err != nil {
		return reply{}, err
	}
	return c.m.h.do(req)
}

func (c *modelClient) pollLoop() {
	r := c.m.random()
	for {
		c.mu.Lock()
		pause, resume := c.pause, c.resume
		c.mu.Unlock()
		if pause != nil {
			close(pause)
			<-resume
			if c.w != nil {
				return
			}
			continue
		}
		if r.IntN(3) == 0 {
			time.Sleep(time.Duration(r.IntN(150)) * time.Millisecond)
		}
		reply, err := c.do("GET", "")
		if err != nil || reply.status != 200 {
			c.logf("poll: %v %d %.50q", err, reply.status, reply.body)
			c.finish()
			return
		}
		if c.take(reply.body) {
			c.logf("poll: closed")
			c.finish()
			return
		}
	}
}

// finish marks the session as ended for the client.
func (c *modelClient) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.pause != nil {
		close(c.pause)
	}
}

func (c *modelClient) sendMessages(n int) {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	var packets []string
	for range n {
		packets = append(packets, fmt.Sprintf("4c%d", c.sent))
		c.sent++
	}
	c.sendLocked(packets...)
}

func (c *modelClient) send(packet string) {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	c.sendLocked(packet)
}

func (c *modelClient) sendLocked(packets ...string) {
	if c.failed {
		return
	}
	if c.w != nil {
		for _, p := range packets {
			if _, err := c.w.nc.Write(masked(ws.Text, p)); err != nil {
				c.failed = true
			}
		}
		return
	}
	if r, err := c.do("POST", strings.Join(packets, "\x1e")); err != nil || r.status != 200 {
		c.logf("post %.20q: %v %d", packets, err, r.status)
		c.failed = true
	}
}

// upgrade tries to upgrade, and fails at a random step or not at all.
func (c *modelClient) upgrade(wg *sync.WaitGroup) {
	if c.w != nil {
		return
	}
	fails := c.r.IntN(9)
	c.logf("upgrade that fails at %d", fails)
	w, err := c.m.h.tryWebSocket("EIO=4&transport=websocket&sid=" + c.s.ID())
	if err != nil {
		return
	}
	unhurriedConn(c.m.t, w.nc)
	if fails == 1 {
		w.nc.Close()
		return
	}
	time.Sleep(time.Duration(c.r.IntN(300)) * time.Millisecond)
	w.send("2probe")
	if fails == 2 {
		w.nc.Close()
		return
	}
	if text, err := w.tryRead(); err != nil || text != "3probe" {
		w.nc.Close()
		return
	}
	if c.r.IntN(5) == 0 {
		c.logf("Close after the probe")
		c.s.Close()
	}
	time.Sleep(time.Duration(c.r.IntN(300)) * time.Millisecond)
	if fails == 3 {
		w.nc.Close()
		return
	}
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		w.nc.Close()
		return
	}
	pause, resume := make(chan struct{}), make(chan struct{})
	c.pause, c.resume = pause, resume
	c.mu.Unlock()
	<-pause
	c.mu.Lock()
	ended := c.ended
	c.pause, c.resume = nil, nil
	c.mu.Unlock()
	defer close(resume)
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	if fails == 4 || ended {
		w.nc.Close()
		return
	}
	if fails == 5 {
		w.send("4x")
		w.nc.Close()
		return
	}
	if c.r.IntN(5) == 0 {
		c.logf("Close before the upgrade")
		c.s.Close()
	}
	time.Sleep(time.Duration(c.r.IntN(100)) * time.Millisecond)
	w.send("5")
	if c.r.IntN(5) == 0 {
		c.logf("Close after the upgrade")
		c.s.Close()
	}
	c.w = w
	c.logf("upgraded")
	reader := c.m.random()
	wg.Go(func() {
		defer w.nc.Close()
		for {
			if reader.IntN(5) == 0 {
				time.Sleep(time.Duration(reader.IntN(200)) * time.Millisecond)
			}
			m, err := w.next()
			if err != nil {
				c.logf("read: %v", err)
				c.finish()
				return
			}
			switch m.Op {
			case ws.Text:
				c.packet(string(m.Data))
			case ws.Binary:
				c.packet(binaryMark + string(m.Data))
			default:
				c.logf("control %v", m.Op)
			}
		}
	})
}

func (c *modelClient) leave() {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	if c.w == nil {
		c.sendLocked("1")
		return
	}
	c.w.raw(masked(ws.Close, ""))
}

func (c *modelClient) vanish() {
	c.cancel()
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	if c.w != nil {
		c.w.nc.Close()
	}
}
