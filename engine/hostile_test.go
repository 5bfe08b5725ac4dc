package engine_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/leakcheck"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// reset makes the end of nc a TCP reset.
func reset(nc net.Conn) {
	if c, ok := nc.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	nc.Close()
}

// Connections that are reset at every stage (CVE-2022-41940).
func TestReset(t *testing.T) {
	leakcheck.Check(t)
	h := start(t, nil)
	request := upgradeRequest(h.url, "EIO=4&transport=websocket")
	for cut := range 7 {
		nc := h.connection()
		_, _ = io.WriteString(nc, request[:len(request)*(cut+1)/8])
		reset(nc)
	}
	for range 5 {
		p := h.poll()
		for stage := range 4 {
			w := p.dial()
			if stage > 0 {
				w.send("2probe")
			}
			if stage > 1 {
				_, _ = w.tryRead() // 3probe, unless the one before is still there
			}
			if stage > 2 {
				w.send("5")
			}
			reset(w.nc)
		}
		// A race decides whether the last one was upgraded.
		p.h.client.CloseIdleConnections()
		_, _ = h.try("POST", p.query, "1")
	}
	for range 5 {
		nc := h.connection()
		_, _ = io.WriteString(nc, request)
		reset(nc)
	}
	waitFor(t, "the sessions to go", func() bool { return h.Len() == 0 })
}

// Invalid bytes on a WebSocket end it or are ignored, and do not affect other
// connections.
func TestGarbage(t *testing.T) {
	leakcheck.Check(t)
	random := rand.New(rand.NewPCG(1, 2))
	h := start(t, &engine.ServerOptions{MaxPayload: 10_000})
	bystander := h.websocket()
	for range 200 {
		b := make([]byte, random.IntN(3000))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		if random.IntN(2) == 0 {
			b = masked(ws.Opcode(random.IntN(3)), string(b)) // garbage in a good frame
		}
		p := h.poll()
		var w *peer
		if random.IntN(2) == 0 {
			w = h.websocket()
		} else {
			w = p.dial()
			if random.IntN(2) == 0 {
				w.send("2probe")
			}
		}
		w.raw(b)
		w.nc.Close()
		_, _ = h.try("POST", p.query, string(b))
		_, _ = h.try("POST", p.query, "1")
		for len(h.sessions) > 0 {
			<-h.sessions
		}
	}
	waitFor(t, "the sessions to go", func() bool { return h.Len() == 1 })
	bystander.send("4hello")
	bystander.wantMessage(t, "hello")
}

// Payloads whose decoding could take more than linear time or memory.
func TestLargePayloads(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	n := engine.DefaultMaxPayload
	for name, body := range map[string]string{
		"separators": strings.Repeat("4\x1e", n/2-1) + "4",
		"pongs":      strings.Repeat("3\x1e", n/2-1) + "3",
		"digits":     "4" + strings.Repeat("5", n-1),
		"bad UTF-8":  "4" + strings.Repeat("\xff", n-1),
		"base64":     "b" + strings.Repeat("AAAA", (n-1)/4),
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			p := h.poll()
			count := 0
			p.onMessage = func(string) { count++; <-p.messages }
			p.messages <- "" // so that the list stays short
			wantReply(t, p.post(body), 200, "ok")
			if want := strings.Count(body, "4"); name == "separators" && count != want {
				t.Errorf("got %d messages, want %d", count, want)
			}
			p.drop()
		})
	}
}

// visit runs a client with random actions, most of which end badly.
func visit(h *harness, random *rand.Rand) {
	pause := func() {
		if random.IntN(3) == 0 {
			time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
		}
	}
	if random.IntN(3) == 0 {
		w, err := h.tryWebSocket("EIO=4&transport=websocket")
		if err != nil {
			return
		}
		use(w, random, pause)
		return
	}
	const query = "EIO=4&transport=polling"
	r, err := h.try("GET", query, "")
	if err != nil || r.status != 200 {
		return
	}
	sid := query + "&sid=" + openSID(h.t, r.body)
	var wg sync.WaitGroup
	defer wg.Wait()
	for range 1 + random.IntN(5) {
		pause()
		switch random.IntN(7) {
		case 0:
			wg.Go(func() { _, _ = h.try("GET", sid, "") })
		case 1:
			_, _ = h.try("POST", sid, "4hello\x1e3")
		case 2:
			wg.Go(func() { _, _ = h.try("POST", sid, strings.Repeat("4x\x1e", 100)+"4") })
		case 3: // half a request
			if nc, err := h.dial(h.t.Context()); err == nil {
				fmt.Fprintf(nc, "POST /engine.io/?%s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4", sid)
				pause()
				reset(nc)
			}
		case 4: // an aborted poll
			if nc, err := h.dial(h.t.Context()); err == nil {
				fmt.Fprintf(nc, "GET /engine.io/?%s HTTP/1.1\r\nHost: x\r\n\r\n", sid)
				pause()
				reset(nc)
			}
		default:
			if w, err := h.tryWebSocket(strings.Replace(sid, "polling", "websocket", 1)); err == nil {
				w.send("2probe")
				pause()
				w.send("5")
				use(w, random, pause)
			}
		}
	}
	_, _ = h.try("POST", sid, "1")
	_, _ = h.try("GET", sid, "") // fetches the rest if the server was faster
}

// use exchanges messages over a WebSocket and ends it.
func use(w *peer, random *rand.Rand, pause func()) {
	for range random.IntN(4) {
		w.send("4hello", "3")
		w.sendBinary("binary")
		pause()
	}
	switch random.IntN(5) {
	case 0:
		reset(w.nc)
	case 1:
		w.raw(masked(ws.Close, ""))
	case 2:
		w.send("2") // breaks the rules
	case 3:
		w.raw([]byte{0xff, 0xff, 0xff})
	}
	pause()
	w.nc.Close()
}

// busybody is a handler that uses its connection from many goroutines.
type busybody struct {
	wg     *sync.WaitGroup
	random uint64
}

func (b *busybody) OnMessage(c *engine.Conn, data []byte, binary bool) {
	m := engine.NewTextMessage(data, data)
	_ = c.Send(m, 0)
	b.random += 7
	switch b.random % 11 {
	case 0:
		b.wg.Go(c.Close)
	case 1:
		b.wg.Go(func() {
			c.Cork()
			for range 20 {
				_ = c.Send(m, engine.Volatile)
				_ = c.Send(m, 0)
			}
			c.Uncork()
		})
	case 2:
		b.wg.Go(func() { _ = c.Send(engine.NewBinaryMessage(make([]byte, 300_000)), 0) })
	case 3:
		b.wg.Go(func() { _ = c.Transport(); _ = c.Buffered(); _ = c.Writable(); _ = c.Handshake() })
	case 4:
		panic("oops")
	}
}
func (b *busybody) OnClose(c *engine.Conn, _ engine.Reason, _ error) {
	_ = c.Send(engine.NewTextMessage(nil), 0)
	c.Close()
}
func (b *busybody) OnDrain(c *engine.Conn) { _ = c.Send(engine.NewTextMessage([]byte("drained")), 0) }
func (b *busybody) OnUpgrade(c *engine.Conn, _ engine.Transport) {
	_ = c.Send(engine.NewTextMessage([]byte("upgraded")), 0)
}

// A thousand clients connect, act concurrently and leave in all possible ways;
// afterwards nothing of them is left.
func TestNothingIsLeft(t *testing.T) {
	clients := 1000
	if testing.Short() {
		clients = 100
	}
	leakcheck.Check(t)
	var wg sync.WaitGroup // of the handlers
	var seed uint64
	var mu sync.Mutex
	h := start(t, &engine.ServerOptions{
		PingInterval: 300 * time.Millisecond, PingTimeout: 300 * time.Millisecond, // for those who just leave
		OnConnectionError: func(*engine.RequestError) {}, // the harness would keep them
		UpgradeTimeout:    300 * time.Millisecond, RequestTimeout: time.Second, WriteTimeout: time.Second,
		OnConnect: func(*engine.Conn) engine.Handler {
			mu.Lock()
			defer mu.Unlock()
			seed++
			return &busybody{&wg, seed}
		},
	})
	quiet := &harness{t: quietTest{t}, Server: h.Server, url: h.url, dial: h.dial, client: h.client}
	run := func(n int) {
		var clients sync.WaitGroup
		limit := make(chan struct{}, 16)
		for i := range n {
			limit <- struct{}{}
			clients.Go(func() {
				defer func() { <-limit }()
				visit(quiet, rand.New(rand.NewPCG(uint64(n), uint64(i))))
			})
		}
		clients.Wait()
		wg.Wait()
		// Sessions closed while their client did not poll linger for 30 s.
		for deadline := time.Now().Add(30*time.Second + patience); h.Len() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d sessions are left, want 0", h.Len())
			}
		}
		h.client.CloseIdleConnections()
	}
	base := func() (bytes uint64, goroutines int) {
		var m runtime.MemStats
		for range 3 { // pools need two
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, runtime.NumGoroutine()
	}
	run(clients / 10)
	bytesBefore, before := base()
	run(clients)
	waitFor(t, "the goroutines to go", func() bool { _, n := base(); return n <= before+5 })
	if after, _ := base(); after > bytesBefore+uint64(clients)*300+300_000 {
		t.Errorf("%d bytes before, %d after %d clients, want at most %v", bytesBefore, after, clients, bytesBefore+uint64(clients)*300+300_000)
	}
}

// quietTest discards the cleanup functions that clients register.
type quietTest struct{ testing.TB }

func (quietTest) Cleanup(func()) {}
