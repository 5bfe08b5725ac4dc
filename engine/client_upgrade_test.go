package engine_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// script is a server on polling whose side of the upgrade the test controls: it
// answers each poll from say, and records what it receives.
type script struct {
	fake
	say chan string
	mu  sync.Mutex
	// waiting polls, and all polls
	waiting, polls int
	posts          []string
}

func newScript(websocket func(s *script, p *fakePeer)) *script {
	s := &script{say: make(chan string, 100)}
	s.polling = s.serve
	s.websocket = func(p *fakePeer) { websocket(s, p) }
	return s
}

func (s *script) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.posts = append(s.posts, string(body))
		s.mu.Unlock()
		_, _ = io.WriteString(w, "ok")
		return
	}
	if !r.URL.Query().Has("sid") {
		_, _ = io.WriteString(w, openUpgrade)
		return
	}
	s.mu.Lock()
	s.polls++
	s.waiting++
	s.mu.Unlock()
	text := ""
	select {
	case text = <-s.say:
	case <-r.Context().Done():
	}
	s.mu.Lock()
	s.waiting--
	s.mu.Unlock()
	_, _ = io.WriteString(w, text)
}

func (s *script) state() (polls, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.polls, s.waiting
}

// awaitPoll waits until the client polls. It may be called on any goroutine.
func (s *script) awaitPoll(t *testing.T) {
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, waiting := s.state(); waiting > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("the client does not poll within %v", patience)
			return
		}
	}
}

func (s *script) told() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.posts)
}

// The session continues over polling however the WebSocket fails.
func TestClientUpgradeFails(t *testing.T) {
	t.Parallel()
	probed := func(p *fakePeer) { _, _ = p.read() }
	binary := ws.AppendFrame(nil, ws.Binary, []byte("3probe"))
	for _, c := range []struct {
		name      string
		websocket func(s *script, p *fakePeer)
	}{
		{"closed at once", func(*script, *fakePeer) {}},
		{"closed after the probe", func(_ *script, p *fakePeer) { probed(p) }},
		{"close frame", func(_ *script, p *fakePeer) { _, _ = p.Write(ws.AppendClose(nil, 1001)); _ = p.end() }},
		{"wrong answer", func(_ *script, p *fakePeer) { p.send("3"); _ = p.end() }},
		{"a message", func(_ *script, p *fakePeer) { probed(p); p.send("4x"); _ = p.end() }},
		{"binary", func(_ *script, p *fakePeer) { _, _ = p.Write(binary); _ = p.end() }},
		{"garbage", func(_ *script, p *fakePeer) { _, _ = p.Write([]byte{0xff, 0xff}); _ = p.end() }},
		{"masked", func(_ *script, p *fakePeer) { _, _ = p.Write(masked(ws.Text, "3probe")); _ = p.end() }},
		{"answered twice", func(_ *script, p *fakePeer) { p.send("3probe", "3probe"); _ = p.end() }},
		{"closed while polling comes to rest", func(_ *script, p *fakePeer) { probed(p); p.send("3probe"); p.Close() }},
		{"silence", func(_ *script, p *fakePeer) { _ = p.end() }},
		{"poll not released", func(_ *script, p *fakePeer) { probed(p); p.send("3probe"); _ = p.end() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			over := make(chan struct{})
			s := newScript(func(s *script, p *fakePeer) {
				s.awaitPoll(t)
				c.websocket(s, p)
				close(over)
			})
			h := startFake(t, &s.fake)
			o := h.dialOptions()
			o.Transports = nil
			o.ConnectTimeout = 5 * time.Second
			if c.name == "silence" || c.name == "poll not released" {
				o.ConnectTimeout = time.Second
			}
			client := newCaller()
			h.callWith(o, client)
			client.text(t, "meanwhile")
			receive(t, over, "the end of the WebSocket")
			waitFor(t, "the end of the upgrade", func() bool { return !engine.Upgrading(client.Client) })
			s.say <- "4one"
			client.want(t, "one")
			s.say <- "4two"
			client.want(t, "two")
			waitFor(t, "the message", func() bool { return s.told() == "[4meanwhile]" })
			waitFor(t, "the rest", client.Writable)
			client.text(t, "after")
			waitFor(t, "the message", func() bool { return s.told() == "[4meanwhile 4after]" })
			waitFor(t, "a poll", func() bool { _, waiting := s.state(); return waiting == 1 })
			if client.Transport() != engine.Polling || len(client.upgraded) != 0 || len(client.closed) != 0 {
				t.Errorf("on %s", client.Transport())
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		s := newScript(nil)
		s.websocket = nil
		h := startFake(t, &s.fake)
		o := h.dialOptions()
		o.Transports = nil
		o.RememberUpgrade = new(engine.UpgradeMemory)
		client := newCaller()
		h.callWith(o, client)
		s.say <- "4x"
		client.want(t, "x")
	})
}

// The client sends nothing between the answer to the probe and 5, and does not poll.
func TestClientUpgradePauses(t *testing.T) {
	t.Parallel()
	answered := make(chan struct{})
	frames := make(chan string, 100)
	s := newScript(func(s *script, p *fakePeer) {
		s.awaitPoll(t)
		for {
			m, err := p.read()
			if err != nil {
				return
			}
			if m == "2probe" {
				p.send("3probe")
				close(answered)
				continue
			}
			frames <- m
			if m == "5" {
				p.send("4hello")
			}
		}
	})
	h := startFake(t, &s.fake)
	o := h.dialOptions()
	o.Transports = nil
	c := newCaller()
	c.onMessage = func(_ *engine.Client, m string) {
		if m == "hello" && len(c.upgraded) != 1 {
			t.Error("a message over WebSocket came before OnUpgrade")
		}
	}
	h.callWith(o, c)
	receive(t, answered, "the probe")
	waitFor(t, "polling to be paused", func() bool { return !c.Writable() })
	c.text(t, "one")
	if err := c.Send(engine.NewTextMessage([]byte("dropped")), engine.Volatile); err != nil {
		t.Error(err)
	}
	if err := c.Send(engine.NewTextMessage([]byte("two"), []byte("three")), 0); err != nil {
		t.Error(err)
	}
	if len(frames) != 0 {
		t.Errorf("%q was sent", <-frames)
	}
	s.say <- "4last over polling"
	c.want(t, "last over polling")
	for _, want := range []string{"5", "4one", "4two", "2:three"} {
		if got := receive(t, frames, "a frame"); got != want {
			t.Errorf("the server got %q, want %q", got, want)
		}
	}
	c.want(t, "hello")
	if polls, waiting := s.state(); polls != 1 || waiting != 0 || s.told() != "[]" {
		t.Errorf("%d polls, %d pending, and the server received %s, want 1, 0 and []", polls, waiting, s.told())
	}
}

// Close may be called at any time during an upgrade: messages sent before arrive
// once.
func TestClientCloseWhileUpgrading(t *testing.T) {
	t.Parallel()
	for _, answerProbe := range []bool{false, true} {
		t.Run(fmt.Sprint(answerProbe), func(t *testing.T) {
			probed := make(chan struct{})
			s := newScript(func(s *script, p *fakePeer) {
				s.awaitPoll(t)
				_, _ = p.read()
				if answerProbe {
					p.send("3probe")
				}
				close(probed)
				_ = p.end()
			})
			h := startFake(t, &s.fake)
			o := h.dialOptions()
			o.Transports = nil
			c := newCaller()
			h.callWith(o, c)
			receive(t, probed, "the probe")
			if answerProbe {
				waitFor(t, "polling to be paused", func() bool { return !c.Writable() })
			}
			c.text(t, "last")
			c.Close()
			c.wantEnd(t, engine.ForcedClose)
			if told := s.told(); told != "[4last\x1e1]" && told != "[4last 1]" {
				t.Errorf("the server received %q", told)
			}
		})
	}
	h := start(t, nil)
	for i := range 50 {
		o := h.dialOptions()
		o.Transports = nil
		c, s := h.call(o)
		c.text(t, "last")
		for range i { // at another moment each time
			c.Transport()
			s.Transport()
		}
		time.Sleep(time.Duration(i) * 50 * time.Microsecond)
		c.Close()
		s.wantMessage(t, "last")
		c.wantEnd(t, engine.ForcedClose)
		s.wantClose(t, engine.TransportClose)
	}
}

func TestClientNoUpgrade(t *testing.T) {
	t.Parallel()
	h, rec, _ := startRecorded(t, nil, (*httptest.Server).Start)
	o := h.dialOptions()
	o.Transports, o.NoUpgrade = nil, true
	c, s := h.call(o)
	s.text(t, "x")
	c.want(t, "x")
	c.Close()
	c.wantEnd(t, engine.ForcedClose)
	for _, r := range rec.all() {
		if ws.IsUpgrade(r) {
			t.Error("an upgrade was tried")
		}
	}
}

// The server may release the poll late; the upgrade waits for it.
func TestClientUpgradeDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(s *script, p *fakePeer) {
			s.awaitPoll(t)
			_, _ = p.read()
			p.send("3probe")
			_ = p.end()
		})
		h := startFakeInMemory(t, &s.fake)
		o := h.dialOptions()
		o.Transports = nil
		c := newCaller()
		h.callWith(o, c)
		clk := newClock(t)
		waitFor(t, "polling to be paused", func() bool { return !c.Writable() })
		c.text(t, "waits")
		time.Sleep(19 * time.Second)
		synctest.Wait()
		if s.told() != "[]" {
			t.Errorf("the server received %s, want %q", s.told(), "[]")
		}
		clk.until(20 * time.Second)
		synctest.Wait()
		if s.told() != "[4waits]" {
			t.Errorf("the server received %s, want %q", s.told(), "[4waits]")
		}
		s.say <- "4x"
		c.want(t, "x")
		c.Close()
		<-c.Done()
	})
}
