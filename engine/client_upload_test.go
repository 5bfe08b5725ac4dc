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

// slowReader is a server over polling that takes time for each part of a large body. It
// reads all of the first one, and one part of the second.
type slowReader struct {
	part  int
	pause time.Duration
	large int // requests with a large body so far
	read  chan string
}

func (s *slowReader) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !r.URL.Query().Has("sid"):
		_, _ = io.WriteString(w, openPolling)
		return
	case r.Method == http.MethodGet:
		select {
		case <-time.After(20 * time.Second):
			_, _ = io.WriteString(w, "2")
		case <-r.Context().Done():
		}
		return
	}
	if r.ContentLength < int64(s.part) {
		return // a pong
	}
	s.large++
	var body strings.Builder
	for {
		time.Sleep(s.pause)
		_, err := io.CopyN(&body, r.Body, int64(s.part))
		if err == io.EOF {
			s.read <- body.String()
			return
		}
		if s.large > 1 || err != nil {
			time.Sleep(time.Hour)
			return
		}
	}
}

// A data request may take as long as it makes progress; RequestTimeout bounds the time
// without any.
func TestClientUploadsSlowly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := &slowReader{part: 20_000, pause: 25 * time.Second, read: make(chan string, 1)}
		h := startFakeInMemory(t, slow)
		c := newCaller()
		h.callWith(h.dialOptions(engine.Polling), c)
		clk := newClock(t)
		large := strings.Repeat("x", 100_000)
		c.text(t, large)
		select {
		case got := <-slow.read:
			if got != "4"+large {
				t.Errorf("the server read %d bytes, want %d", len(got), 1+len(large))
			}
		case e := <-c.closed:
			t.Fatalf("the connection ended after %v with %v, %v", time.Since(clk.start), e.reason, e.err)
		}
		clk.want(6*25*time.Second, "the message")
		c.text(t, large)
		e := <-c.closed
		// The server took its last part after the pause.
		clk.want(6*25*time.Second+25*time.Second+30*time.Second, "the end")
		var oe *engine.OpError
		if !errors.As(e.err, &oe) || oe.Op != "post" || !errors.Is(e.err, context.DeadlineExceeded) {
			t.Errorf("the connection ended with %v, %v, want a post that took too long", e.reason, e.err)
		}
		<-c.Done()
		time.Sleep(time.Hour) // the server's
	})
}
