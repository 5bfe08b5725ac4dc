package engine_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// A panic of OnClose, which may run on any goroutine, is logged and does no harm.
func TestPanicOfOnCloseIsLogged(t *testing.T) {
	t.Parallel()
	logged := new(lineCounter)
	h := start(t, &engine.ServerOptions{Logger: logged.logger(), OnConnect: func(*engine.Conn) engine.Handler {
		return panicking{"OnClose"}
	}})
	r := h.request("GET", "EIO=4&transport=polling", "")
	query := "EIO=4&transport=polling&sid=" + openSID(t, r.body)
	wantReply(t, h.request("POST", query, "1"), 200, "ok")
	wantReply(t, h.request("GET", query, ""), 200, "6")
	if n := logged.count("oops"); n != 1 {
		t.Errorf("%d lines about the panic, want 1", n)
	}
}

// A panic of OnDrain ends its connection, on whatever goroutine it is called.
func TestPanicOfOnDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h *harness
		h = startInMemory(t, &engine.ServerOptions{OnConnect: func(c *engine.Conn) engine.Handler {
			s := newSession(c)
			h.sessions <- s
			return &drainPanics{s}
		}})
		p, w := h.poll(), h.websocket()
		synctest.Wait()
		for _, s := range []*session{p.session, w.session} {
			s.text(t, "a")
			s.text(t, "b")
		}
		_, _ = h.try("GET", p.query, "") // its connection may be closed
		for _, want := range []string{"4a", "4b"} {
			w.want(want)
		}
		w.wantEnd(ws.CloseNoStatus)
		for _, s := range []*session{p.session, w.session} {
			if err := s.wantClose(t, engine.TransportError); err == nil || !strings.Contains(err.Error(), "oops") {
				t.Errorf("%s ended with cause %v, want the panic", s.Transport(), err)
			}
		}
	})
}

type drainPanics struct{ *session }

func (*drainPanics) OnDrain(*engine.Conn) { panic("oops") }

// OnDrain is not called when the connection has ended.
func TestNoDrainAfterTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		p.text(t, letters(100_000))
		resp, err := http.ReadResponse(p.slowPoll(""), nil)
		if err != nil {
			t.Fatal(err)
		}
		p.Close() // while the last message is being written
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		p.want("1")
		synctest.Wait()
		if n := len(p.drained); n != 0 {
			t.Errorf("OnDrain was called %d times, want 0", n)
		}
	})
}

// panickingBody is a request body whose middleware panics.
type panickingBody struct{ io.ReadCloser }

func (panickingBody) Read([]byte) (int, error) { panic(http.ErrAbortHandler) }

// A panic while the body of a POST is read ends the session, whose message is lost,
// and the request is no longer counted as being served.
func TestPanicOfRequestBody(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			r.Body = panickingBody{r.Body}
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	h.url = s.URL + "/engine.io/"
	h.dial = dialer(s.Listener.Addr().String())
	h.connect()
	p := h.poll()
	if r, err := h.try("POST", p.query, "4lost"); err == nil {
		t.Errorf("got response %d %s, want none", r.status, r.body)
	}
	waitFor(t, "the end of the POST", func() bool { return !engine.Posting(p.Conn) })
	p.wantClose(t, engine.TransportError)
}
