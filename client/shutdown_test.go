package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// serveUntilLeft starts a server over polling that admits every socket. It answers the
// request with which a socket, or the session, leaves when release is closed.
func serveUntilLeft(t testing.TB, release <-chan bool) (srv *socketiotest.Server, left <-chan string) {
	answers, leaving := make(chan string, 10), make(chan string, 10)
	return serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("sid") == "" {
			_, _ = io.WriteString(w, `0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}`)
			return
		}
		if r.Method == http.MethodGet {
			select {
			case answer := <-answers:
				_, _ = io.WriteString(w, answer)
			case <-r.Context().Done():
			}
			return
		}
		body, _ := io.ReadAll(r.Body)
		for packet := range strings.SplitSeq(string(body), "\x1e") {
			namespace, joins := strings.CutPrefix(packet, "40")
			switch {
			case joins:
				answers <- "40" + namespace + `{"sid":"AAAAAAAAAAAAAAAAAAAA"}`
			case strings.HasPrefix(packet, "41"), packet == "1":
				leaving <- packet
				<-release
			}
		}
	})), leaving
}

// Shutdown whose context ends when the events were read already says what the server has
// not confirmed, and keeps the context's error and cause.
func TestShutdownSaysWhatIsNotFinished(t *testing.T) {
	t.Parallel()
	cause := errors.New("no time")
	for name, test := range map[string]struct {
		shared, manager bool
		want            string
	}{
		"one of two sockets": {shared: true, want: "client: leaving /: the server has not confirmed it"},
		"last socket":        {want: "client: leaving /: the connection has not ended"},
		"manager":            {manager: true, want: "client: closing the connection with http://socketio.test:80: the connection has not ended"},
	} {
		for when, before := range map[string]bool{"before": true, "meanwhile": false} {
			t.Run(name+", "+when, func(t *testing.T) {
				t.Parallel()
				release := make(chan bool)
				srv, left := serveUntilLeft(t, release)
				defer close(release)
				way := setting{[]engine.Transport{engine.Polling}, parser.JSON}
				c := connect(t, way.client(t, srv, "/", nil))
				if test.shared {
					connect(t, c.Manager().Socket("/other", nil))
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				if before {
					cancel(cause)
				}
				shutdown, result := c.Shutdown, make(chan error, 1)
				if test.manager {
					shutdown = c.Manager().Shutdown
				}
				go func() { result <- shutdown(ctx) }()
				receive(t, left, "the request to leave")
				cancel(cause)
				err := receive(t, result, "the end of Shutdown")
				if c.Active() {
					t.Error("the socket is active after Shutdown")
				}
				if !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
					t.Errorf("Shutdown: %v, want an error that matches %v and %v", err, context.Canceled, cause)
				}
				if before {
					return // Flush may have the error: that the server has read CONNECT is not known yet
				}
				want := test.want + ": context canceled: no time"
				if err == nil || err.Error() != want {
					t.Errorf("Shutdown: %v, want %s", err, want)
				}
			})
		}
	}
}

// Errors of several sockets are one line.
func TestShutdownJoinsErrors(t *testing.T) {
	t.Parallel()
	c := client.New("http://example.test", nowhere())
	m := c.Manager()
	for _, s := range []*client.Socket{c, m.Socket("/other", nil)} {
		if err := s.Emit("waits"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := m.Shutdown(ctx)
	errorAs[*client.DisconnectError](t, err)
	if text := err.Error(); strings.Contains(text, "\n") || !strings.Contains(text, "flushing /:") || !strings.Contains(text, "flushing /other:") {
		t.Errorf("Shutdown: %q, want one line about both sockets", text)
	}
}
