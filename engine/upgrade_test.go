package engine_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// probe opens the WebSocket for an upgrade of p and sends the probe.
func (p *poller) probe() *peer {
	p.h.t.Helper()
	w := p.dial()
	w.send("2probe")
	w.want("3probe")
	return w
}

func (p *poller) dial() *peer {
	p.h.t.Helper()
	return p.h.dialWebSocket("EIO=4&transport=websocket&sid=" + p.ID())
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	p.text(t, "over polling")
	p.want("4over polling")
	pending := p.pending()
	w := p.probe()
	// The pending poll is released at once.
	wantReply(t, receive(t, pending, "the poll"), 200, "6")
	if p.Transport() != engine.Polling || len(p.upgraded) != 0 {
		t.Error("upgraded by the probe")
	}
	p.text(t, "kept back")
	w.send("5", "4first")
	if tr := receive(t, p.upgraded, "the upgrade"); tr != engine.WebSocket || p.Transport() != engine.WebSocket {
		t.Errorf("upgraded to %q, now on %q", tr, p.Transport())
	}
	w.want("4kept back")
	p.wantMessage(t, "first")
	p.text(t, "over WebSocket")
	w.want("4over WebSocket")
	for _, r := range []reply{p.get(), p.post("4x")} {
		wantReply(t, r, 400, `{"code":3,"message":"Bad request"}`)
	}
	// A second WebSocket receives a close frame.
	second := p.dial()
	second.wantEnd(ws.CloseNoStatus)
	w.send("4still here")
	p.wantMessage(t, "still here")
	if len(p.closed) != 0 || h.Len() != 1 {
		t.Error("the session ended")
	}
}

// A session on a WebSocket holds nothing for polling.
func TestUpgradeReleasesPolling(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	pending := p.pending()
	if !engine.HasPollState(p.Conn) {
		t.Error("a session on polling has no memory for it")
	}
	w := p.probe()
	w.send("5")
	wantReply(t, receive(t, pending, "the poll"), 200, "6")
	receive(t, p.upgraded, "the upgrade")
	waitFor(t, "the release of what polling needs", func() bool { return !engine.HasPollState(p.Conn) })
	if s := h.websocket(); engine.HasPollState(s.Conn) {
		t.Error("a session that began on a WebSocket has memory for polling")
	}
}

func TestUpgradeWithoutProbe(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	pending := p.pending()
	w := p.dial()
	w.send("5", "4hi")
	p.wantMessage(t, "hi")
	wantReply(t, receive(t, pending, "the poll"), 200, "6")
	p.text(t, "there")
	w.want("4there")
}

// A failing upgrade does not affect the session.
func TestUpgradeAbandoned(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		probed bool
		data   []byte
		code   int // of the close frame
	}{
		{"message", false, masked(ws.Text, "4hi"), 1005},
		{"message after the probe", true, masked(ws.Text, "4hi"), 1005},
		{"binary", false, masked(ws.Binary, "hi"), 1005},
		{"ping without probe", false, masked(ws.Text, "2"), 1005},
		{"wrong probe", false, masked(ws.Text, "2prob"), 1005},
		{"pong", false, masked(ws.Text, "3probe"), 1005},
		{"no packet", true, masked(ws.Text, "x"), 1005},
		{"empty", true, masked(ws.Text, ""), 1005},
		{"bad frame", false, []byte{0xff, 0xff}, 1002},
		{"bad frame after the probe", true, []byte{0x81, 0x01}, 1002},
		{"too large", true, masked(ws.Text, strings.Repeat("x", 2000)), 1009},
		{"close", true, masked(ws.Close, "\x03\xe8bye"), 1000},
		{"disconnect", false, nil, 0},
		{"disconnect after the probe", true, nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := start(t, &engine.ServerOptions{MaxPayload: 1000})
			p := h.poll()
			w := p.dial()
			if test.probed {
				w.send("2probe")
				w.want("3probe")
			}
			if test.data == nil {
				w.nc.Close()
			} else {
				w.raw(test.data)
				w.wantEnd(test.code)
			}
			// The next attempt may have to wait for the end of this one.
			waitFor(t, "another upgrade", func() bool {
				again := p.dial()
				again.send("2probe")
				answer, err := again.tryRead()
				if err != nil {
					again.nc.Close()
					return false
				}
				again.send("5")
				return answer == "3probe"
			})
			receive(t, p.upgraded, "the upgrade")
			if len(p.closed) != 0 || len(p.messages) != 0 {
				t.Error("the failed upgrade affected the session")
			}
		})
	}
}

func TestSecondProbe(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	first := p.probe()
	second := p.dial()
	second.wantEnd(ws.CloseNoStatus)
	first.send("2probe") // again
	first.want("3probe")
	first.send("5")
	receive(t, p.upgraded, "the upgrade")
}

func TestUpgradesDisabled(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{DisableUpgrades: true})
	p := h.poll()
	if _, err := h.tryWebSocket("EIO=4&transport=websocket&sid=" + p.ID()); err == nil {
		t.Error("the upgrade was accepted")
	}
	p.post("4still here")
	p.wantMessage(t, "still here")
}

// A client whose probe was answered has stopped polling, so it receives earlier
// messages over the new transport.
func TestCloseDuringUpgrade(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	w := p.probe()
	p.text(t, "last")
	p.Close()
	p.wantClose(t, engine.ForcedClose)
	w.send("5", "4too late")
	w.want("4last")
	w.wantEnd(ws.CloseNoStatus)
	if len(p.messages) != 0 || len(p.upgraded) != 0 {
		t.Error("the upgrade went on")
	}
	waitFor(t, "the session to go", func() bool { return h.Len() == 0 })
}

// A client that nevertheless polls receives the close packet there, and its probe is
// closed.
func TestCloseDuringUpgradeOfAPollingClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		w := p.probe()
		p.text(t, "last")
		p.Close()
		p.wantClose(t, engine.ForcedClose)
		p.want("4last")
		p.want("1")
		w.wantEndOfProbe(time.Now())
		synctest.Wait()
		if n := h.Len(); n != 0 {
			t.Errorf("%d sessions, want 0", n)
		}
	})
}

// wantEndOfProbe reads to the end of an upgrade whose session has ended, which does not
// wait for the upgrade timeout. Time is fake.
func (p *peer) wantEndOfProbe(ended time.Time) {
	p.t.Helper()
	p.wantEnd(ws.CloseNoStatus)
	if d := time.Since(ended); d > time.Second {
		p.t.Errorf("the WebSocket was closed %v after the end of the session, want at once", d)
	}
}

// A session that ends takes the WebSocket which it could have moved to with it, and
// closes that with a frame.
func TestEndDuringUpgrade(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(p *poller){
		"abort":          func(p *poller) { p.Abort() },
		"broken packet":  func(p *poller) { p.post("x") },
		"client leaves":  func(p *poller) { p.post("1") },
		"leaves polling": func(p *poller) { p.pending(); p.post("1") },
		"close":          func(p *poller) { p.Close() },
	} {
		for _, probed := range []bool{false, true} {
			if name == "close" && probed {
				continue // such a client waits for the upgrade: see TestCloseDuringUpgrade
			}
			t.Run(fmt.Sprint(name, "/", probed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := startInMemory(t, nil)
					p := h.poll()
					var w *peer
					if probed {
						w = p.probe()
					} else {
						w = p.dial()
						waitFor(t, "the upgrade to begin", func() bool { return engine.Probing(p.Conn) })
					}
					begin := time.Now()
					end(p)
					w.wantEndOfProbe(begin)
					waitFor(t, "the session to go", func() bool { return h.Len() == 0 })
				})
			})
		}
	}
}

// A client that leaves a session which is being closed does not keep it waiting.
func TestLeaveWhileClosing(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	p.text(t, "unread")
	p.Close()
	wantReply(t, p.post("1"), 200, "ok")
	waitFor(t, "the session to go", func() bool { return h.Len() == 0 })
}

// A poll during the upgrade is answered soon, each time, because the client cannot
// continue before.
func TestPollsDuringUpgrade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		w := p.probe()
		for range 3 {
			begin := time.Now()
			p.want("6")
			if d := time.Since(begin); d != 100*time.Millisecond {
				t.Errorf("answered after %v, want %v", d, 100*time.Millisecond)
			}
		}
		c := p.start()
		synctest.Wait()
		p.text(t, "hi")
		wantReply(t, <-c, 200, "4hi")
		w.send("5")
		receive(t, p.upgraded, "the upgrade")
		w.nc.Close()
		synctest.Wait()
	})
}

func TestUpgradeTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		for _, probed := range []bool{false, true} {
			begin := time.Now()
			w := p.dial()
			if probed {
				w.send("2probe")
				w.want("3probe")
			}
			w.wantEnd(ws.CloseNoStatus)
			if d := time.Since(begin); d != engine.DefaultUpgradeTimeout {
				t.Errorf("given up after %v, want %v", d, engine.DefaultUpgradeTimeout)
			}
			w.nc.Close()
		}
		// The session stays, and polls wait again.
		c := p.start()
		time.Sleep(time.Second)
		p.text(t, "hi")
		wantReply(t, <-c, 200, "4hi")
		p.drop()
	})
}

// An upgrade must neither lose nor repeat nor reorder messages, in either
// direction, while both sides go on sending.
func TestUpgradeKeepsOrder(t *testing.T) {
	t.Parallel()
	rounds, n := 30, 300
	if testing.Short() {
		rounds = 5
	}
	h := start(t, nil)
	for range rounds {
		p := h.poll()
		var sender, poller sync.WaitGroup
		sender.Go(func() {
			for i := range n {
				if err := p.Send(engine.NewTextMessage(fmt.Append(nil, i)), 0); err != nil {
					t.Errorf("Send: %v", err)
					return
				}
				if i%16 == 0 {
					time.Sleep(50 * time.Microsecond) // lets others in; nothing depends on it
				}
			}
		})
		got := make(chan int, 2*n)
		take := func(packet string) bool {
			var i int
			if _, err := fmt.Sscanf(packet, "4%d", &i); err != nil {
				if packet != "6" {
					t.Errorf("got packet %q, want %q", packet, "6")
				}
				return false
			}
			got <- i
			return true
		}
		// Like the JavaScript client, the client polls in one goroutine until it is
		// asked to pause, and posts in another.
		probed := make(chan struct{})
		sent := 0
		poller.Go(func() {
			for paused := false; !paused; {
				select {
				case <-probed:
					paused = true
				default:
				}
				for packet := range strings.SplitSeq(p.get().body, "\x1e") {
					take(packet)
				}
			}
		})
		for range 3 {
			p.post(fmt.Sprintf("4%d\x1e4%d", sent, sent+1))
			sent += 2
		}
		w := p.probe()
		p.post(fmt.Sprintf("4%d", sent))
		sent++
		close(probed)
		poller.Wait()
		w.send("5")
		for ; sent < n; sent++ {
			w.send(fmt.Sprintf("4%d", sent))
		}
		for count := len(got); count < n; {
			if take(w.read()) {
				count++
			}
		}
		for i := range n {
			if g := <-got; g != i {
				t.Fatalf("the client got message %d, want %d", g, i)
			}
			p.wantMessage(t, fmt.Sprint(i))
		}
		if len(got) != 0 || len(p.messages) != 0 {
			t.Errorf("%d and %d messages arrived twice, want 0", len(got), len(p.messages))
		}
		sender.Wait()
		w.nc.Close()
	}
}

// A client that does not read the response to its handshake is disconnected, so that
// it does not keep a goroutine that Shutdown waits for.
func TestUpgradeAnswerIsNotTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		nc, err := h.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if _, err := io.WriteString(nc, upgradeRequest(h.url, "EIO=4&transport=websocket&sid="+p.ID())); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		p.drop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown waits for an answer that is not read: %v", err)
		}
	})
}
