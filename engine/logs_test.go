package engine_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// Operators see that clients of Socket.IO 2 are refused, and what to set; clients that try
// again and again do not fill the log.
func TestOldRevisionIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logged := new(lineCounter)
		h := startInMemory(t, &engine.ServerOptions{Logger: logged.logger()})
		for minute := range 3 {
			for range 20 {
				wantReply(t, h.request("GET", "EIO=3&transport=polling", ""), 400, `{"code":5,"message":"Unsupported protocol version"}`)
			}
			if n := logged.count("AllowEIO3"); n != minute+1 {
				t.Errorf("%d lines after %d minutes, want %v", n, minute, minute+1)
			}
			time.Sleep(time.Minute)
		}
		if n := logged.count("level=INFO"); n != 3 {
			t.Errorf("%d lines at level info, want 3", n)
		}
	})
}

// A message over the limit, and which limit that is, is logged once.
func TestTooLargeMessageIsLogged(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"polling", "websocket"} {
		t.Run(transport, func(t *testing.T) {
			logged := new(lineCounter)
			h := start(t, &engine.ServerOptions{Logger: logged.logger(), MaxPayload: 1000})
			large := "4" + strings.Repeat("x", 1000)
			for range 3 {
				if transport == "polling" {
					p := h.poll()
					wantReply(t, p.post(large), 413, "")
					continue
				}
				w := h.websocket()
				w.send(large[:1000])
				w.wantMessage(t, large[1:1000])
				w.send(large)
				w.wantClose(t, engine.TransportError)
				w.wantEnd(1009)
			}
			if n := logged.count("level=INFO"); n != 1 {
				t.Errorf("%d lines, want 1", n)
			}
			for _, text := range []string{"ServerOptions.MaxPayload", "MaxPayload=1000", "sid=", "transport=" + transport} {
				if logged.count(text) != 1 {
					t.Errorf("the line does not have %q", text)
				}
			}
		})
	}
}

// plainWriter is what middleware makes of a http.ResponseWriter when its author did not
// think of hijacking.
type plainWriter struct{ w http.ResponseWriter }

func (p plainWriter) Header() http.Header         { return p.w.Header() }
func (p plainWriter) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p plainWriter) WriteHeader(status int)      { p.w.WriteHeader(status) }

// A server behind middleware that does not let WebSockets through says so, once, and
// what to do.
func TestHijackFailureIsLogged(t *testing.T) {
	t.Parallel()
	logged := new(lineCounter)
	h := newHarness(t, &engine.ServerOptions{Logger: logged.logger()})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(plainWriter{w}, r)
	}))
	t.Cleanup(s.Close)
	h.url, h.dial = s.URL+"/engine.io/", dialer(s.Listener.Addr().String())
	h.connect()
	p := h.poll()
	for _, query := range []string{"EIO=4&transport=websocket", "EIO=4&transport=websocket&sid=" + p.ID()} {
		for range 2 {
			if _, err := h.tryWebSocket(query); err == nil || !strings.HasPrefix(err.Error(), "500 ") {
				t.Errorf("%s: got %v", query, err)
			}
		}
	}
	if n := logged.count("level=WARN"); n != 1 {
		t.Errorf("%d warnings, want 1", n)
	}
	for _, text := range []string{"middleware", "Unwrap", "docs/deployment.md", "plainWriter", "feature not supported"} {
		if logged.count(text) != 1 {
			t.Errorf("the warning does not have %q", text)
		}
	}
	p.post("4polling works")
	p.wantMessage(t, "polling works")
}

// Operators see how many connections were closed because their outbox was full, each of
// them counted once.
func TestOverflowIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logged := new(lineCounter)
		h := startInMemory(t, &engine.ServerOptions{OutboxMessages: 1, Logger: logged.logger()})
		for i := range 2 {
			p := h.poll()
			for range 2 {
				_ = p.Send(engine.NewTextMessage([]byte("x")), engine.Deferred)
			}
			for range 2 {
				p.Flush()
			}
			p.wantClose(t, engine.TransportError)
			if n := logged.count("do not read as fast"); n != i+1 {
				t.Errorf("%d lines after %d connections, want one for each", n, i+1)
			}
			time.Sleep(time.Minute)
		}
		for _, text := range []string{"closed=1", "level=WARN"} {
			if n := logged.count(text); n != 2 {
				t.Errorf("%q is in %d lines, want 2:\n%s", text, n, &logged.buf)
			}
		}
	})
}

// At the level of debugging, both ends log how a connection begins, moves and ends.
func TestLifeIsLogged(t *testing.T) {
	t.Parallel()
	server, client := new(lineCounter), new(lineCounter)
	debug := func(l *lineCounter) *slog.Logger {
		return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	h := start(t, &engine.ServerOptions{Logger: debug(server)})
	o := h.dialOptions(engine.Polling, engine.WebSocket)
	o.Logger = debug(client)
	c, s := h.call(o)
	receive(t, c.upgraded, "the upgrade")
	c.Close()
	c.wantEnd(t, engine.ForcedClose)
	s.wantClose(t, engine.TransportClose)
	id := "sid=" + c.ID()
	for end, log := range map[string]*lineCounter{"server": server, "client": client} {
		reason := map[string]engine.Reason{"server": engine.TransportClose, "client": engine.ForcedClose}[end]
		for _, want := range []string{
			`"engine: connection opened" ` + id + " transport=polling",
			`"engine: upgraded" ` + id + " transport=websocket",
			fmt.Sprintf(`"engine: connection closed" %s reason=%q`, id, reason),
		} {
			waitFor(t, "a line of the "+end+" with "+want, func() bool { return log.count(want) == 1 })
		}
	}
}
