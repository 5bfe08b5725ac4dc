package engine_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

func TestClientHeartbeat(t *testing.T) {
	t.Parallel()
	for _, way := range clientWays {
		t.Run(way.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := startInMemory(t, nil)
				c, s := h.call(h.dialOptions(way.transports...))
				if len(way.transports) == 2 {
					<-c.upgraded
				}
				clk := newClock(t)
				synctest.Wait()
				for i := range 5 {
					clk.until(time.Duration(i+1) * 25 * time.Second)
					synctest.Wait()
					if len(c.pinged) != i+1 {
						t.Errorf("%d pings after %v", len(c.pinged), time.Since(clk.start))
					}
				}
				if len(c.closed)+len(s.closed) != 0 {
					t.Error("the connection has ended")
				}
				c.Close()
				<-c.Done()
			})
		})
	}
}

// The server stops responding without closing the connection.
func TestClientPingTimeout(t *testing.T) {
	t.Parallel()
	silent := &fake{
		websocket: func(p *fakePeer) {
			p.send(openWebSocket)
			time.Sleep(25 * time.Second)
			p.send("2")
			_, _ = p.read()
			time.Sleep(40 * time.Second)
			p.send("4alive")
			_ = p.end()
		},
		polling: func(w http.ResponseWriter, r *http.Request) {
			if !r.URL.Query().Has("sid") {
				_, _ = io.WriteString(w, openPolling+"\x1e2")
				return
			}
			if r.Method == http.MethodGet {
				<-r.Context().Done()
			}
		},
	}
	for tr, after := range map[engine.Transport]time.Duration{engine.WebSocket: 90 * time.Second, engine.Polling: 45 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			h := startFakeInMemory(t, silent)
			c := newCaller()
			h.callWith(h.dialOptions(tr), c)
			clk := newClock(t)
			e := <-c.closed
			clk.want(after, "the end over "+string(tr))
			if e.reason != engine.PingTimeout || e.err == nil || strings.Contains(e.err.Error(), "revision 3") {
				t.Errorf("got %v", e)
			}
			<-c.Done()
		})
	}
	// A server of revision 3 waits for the client's pings.
	synctest.Test(t, func(t *testing.T) {
		h := startFakeInMemory(t, &fake{websocket: func(p *fakePeer) {
			p.send(`0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":5000}`)
			_ = p.end()
		}})
		c := newCaller()
		h.callWith(h.dialOptions(engine.WebSocket), c)
		clk := newClock(t)
		e := <-c.closed
		clk.want(30*time.Second, "the end")
		if !strings.Contains(e.err.Error(), "revision 3") {
			t.Errorf("got %v, want a text with %q", e.err, "revision 3")
		}
		<-c.Done()
	})
}

// While a handler keeps the client from reading, the silence does not count as the
// server's.
func TestClientHeartbeatWhileHandlerIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startFakeInMemory(t, &fake{websocket: func(p *fakePeer) {
			p.send(openWebSocket, "4work")
			go p.send("2") // it is not read for long
			_ = p.end()
		}})
		c := newCaller()
		c.onMessage = func(*engine.Client, string) { time.Sleep(2 * time.Minute) }
		h.callWith(h.dialOptions(engine.WebSocket), c)
		clk := newClock(t)
		<-c.pinged
		clk.want(2*time.Minute, "the ping")
		e := <-c.closed
		clk.want(2*time.Minute+45*time.Second, "the end")
		if e.reason != engine.PingTimeout {
			t.Errorf("got %v", e)
		}
		<-c.Done()
	})
}

// That time is bounded, and the client notices earlier that the server has stopped.
func TestClientHandlerIsBusyForTooLong(t *testing.T) {
	t.Parallel()
	for _, tr := range []engine.Transport{engine.WebSocket, engine.Polling} {
		for _, goes := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				h := startFakeInMemory(t, &fake{
					websocket: func(p *fakePeer) {
						p.send(openWebSocket, "4work")
						if goes {
							time.AfterFunc(time.Minute, func() { p.Close() })
						}
						_ = p.end()
					},
					polling: func(w http.ResponseWriter, r *http.Request) {
						if !r.URL.Query().Has("sid") {
							_, _ = io.WriteString(w, openPolling+"\x1e4work")
						}
					},
				})
				c := newCaller()
				release := make(chan bool)
				c.onMessage = func(*engine.Client, string) { <-release }
				h.callWith(h.dialOptions(tr), c)
				clk := newClock(t)
				e := <-c.closed
				if goes && tr == engine.WebSocket {
					clk.want(65*time.Second, "the end") // the first probe after it
					if e.reason != engine.TransportError {
						t.Errorf("got %v", e)
					}
				} else {
					clk.want(3*45*time.Second, "the end over "+string(tr))
					if e.reason != engine.PingTimeout || !strings.Contains(e.err.Error(), "handler") {
						t.Errorf("got %v", e)
					}
				}
				close(release)
				<-c.Done()
			})
		}
	}
}

// The server accepts no bytes: the timeouts for a write, for a data request, and for
// a close that has messages to flush.
func TestClientWriteTimeouts(t *testing.T) {
	t.Parallel()
	blocked := func() http.Handler {
		return &fake{
			websocket: func(p *fakePeer) {
				p.send(openWebSocket)
				time.Sleep(time.Hour)
			},
			polling: func(w http.ResponseWriter, r *http.Request) {
				if !r.URL.Query().Has("sid") {
					_, _ = io.WriteString(w, openPolling)
					return
				}
				_, _ = io.ReadAll(r.Body) // so that the end of the request is noticed
				<-r.Context().Done()
			},
		}
	}
	for tr, after := range map[engine.Transport]time.Duration{engine.WebSocket: 20 * time.Second, engine.Polling: 30 * time.Second} {
		for _, closes := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				h := startFakeInMemory(t, blocked())
				c := newCaller()
				h.callWith(h.dialOptions(tr), c)
				clk := newClock(t)
				c.text(t, "x")
				if closes {
					synctest.Wait()
					c.Close()
				}
				e := <-c.closed
				if closes {
					clk.want(0, "OnClose")
				} else {
					clk.want(after, "the end over "+string(tr))
					var oe *engine.OpError
					if e.reason != engine.TransportError || !errors.As(e.err, &oe) || oe.Op != map[engine.Transport]string{engine.WebSocket: "write", engine.Polling: "post"}[tr] {
						t.Errorf("got %v", e)
					}
				}
				<-c.Done()
				clk.want(after, "Done")
				time.Sleep(time.Hour) // the fake's
			})
		}
	}
}

// The connection ends even if the server does not answer the close frame.
func TestClientCloseUnanswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startFakeInMemory(t, &fake{websocket: func(p *fakePeer) {
			p.send(openWebSocket)
			_, _ = p.Read(p.scratch)
			time.Sleep(time.Hour)
		}})
		c := newCaller()
		h.callWith(h.dialOptions(engine.WebSocket), c)
		clk := newClock(t)
		c.Close()
		<-c.Done()
		clk.want(2*time.Second, "Done")
		time.Sleep(time.Hour)
	})
}

// Canceling the context of Dial later does not affect the connection.
func TestDialContextEnds(t *testing.T) {
	t.Parallel()
	for _, way := range clientWays {
		h := start(t, nil)
		ctx, cancel := context.WithCancel(context.Background())
		c := newCaller()
		var err error
		if c.Client, err = engine.Dial(ctx, h.url, h.dialOptions(way.transports...), c); err != nil {
			t.Fatal(err)
		}
		cancel()
		s := receive(t, h.sessions, "the session")
		if len(way.transports) == 2 {
			receive(t, c.upgraded, "the upgrade")
		}
		c.text(t, "still here")
		s.wantMessage(t, "still here")
		c.Close()
		c.wantEnd(t, engine.ForcedClose)
	}
}
