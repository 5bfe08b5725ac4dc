package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// Of many clients those that never read are closed when all hold too much, and those that
// read do not notice: each gets every event.
func TestClientsThatDoNotReadLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	const silent, reading, rounds = 10, 40, 60
	const size = 20_000 // of an event
	const limit = silent * 40 * size
	var mu sync.Mutex
	full := make(map[string]bool) // the sockets that were closed because of it
	srv, url, _ := newServer(t, &socketio.Options{Engine: engine.ServerOptions{
		TotalBytes: limit, PingInterval: time.Hour,
	}})
	srv.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) {
		if errors.Is(context.Cause(s.Context()), engine.ErrServerFull) {
			mu.Lock()
			defer mu.Unlock()
			full[s.ID()] = true
		}
	})
	came := make(chan *socketio.Socket, 1)
	srv.OnConnect(func(s *socketio.Socket) { came <- s })

	var sockets []*socketio.Socket
	var left atomic.Int64 // bytes that the clients which read have yet to get
	var wg sync.WaitGroup
	for range silent { // over polling, so that no buffer of the kernel reads for them
		neverPolls(t, url)
		sockets = append(sockets, receive(t, came, "the socket"))
	}
	for range reading {
		c := newRawClient(t, url)
		sockets = append(sockets, receive(t, came, "the socket"))
		wg.Go(func() {
			buf := make([]byte, 64<<10)
			for {
				n, err := c.Conn.Read(buf)
				if left.Add(int64(-n)); err != nil {
					return
				}
			}
		})
	}
	text := strings.Repeat("x", size)
	event := len(fmt.Sprintf(`42["e","%s"]`, text)) + 4 // the header of its frame
	for range rounds {
		left.Add(int64(reading * event))
		for _, s := range sockets {
			err := s.Emit("e", text)
			if err != nil && !(errors.Is(err, engine.ErrClosed) || errors.As(err, new(*socketio.DisconnectError))) {
				t.Fatal(err)
			}
		}
		waitFor(t, "the clients that read", func() bool { return left.Load() == 0 })
	}
	evicted := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(full)
	}
	waitFor(t, "the ends", func() bool {
		stats := srv.Stats()
		return stats.HeldBytes <= limit && stats.Evicted > 0 && stats.Evicted == uint64(evicted())
	})
	for i, s := range sockets {
		if i < silent {
			continue
		}
		if !s.Connected() {
			t.Errorf("client %d, which has read, was closed: %v", i, context.Cause(s.Context()))
		}
	}
	shutdown(t, srv)
	wg.Wait()
}

// neverPolls joins the main namespace over polling, and does not ask for messages.
func neverPolls(t *testing.T, url string) {
	t.Helper()
	endpoint := url + "/socket.io/?EIO=4&transport=polling"
	exchange := func(resp *http.Response, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("answered %d %s, %v", resp.StatusCode, body, err)
		}
		return string(body)
	}
	_, rest, _ := strings.Cut(exchange(http.Get(endpoint)), `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	exchange(http.Post(endpoint+"&sid="+sid, "text/plain;charset=UTF-8", strings.NewReader("40")))
}

func shutdown(t *testing.T, srv *socketio.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), wiretest.Timeout)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// Events that wait for handlers count, too, and those of a client that was closed for
// what they hold are not handled.
func TestEventsCountInTotalBytes(t *testing.T) {
	t.Parallel()
	const limit, size = 4 << 20, 100_000
	srv, url, _ := newServer(t, &socketio.Options{Engine: engine.ServerOptions{TotalBytes: limit}})
	release := make(chan struct{})
	var handled atomic.Int32
	srv.On("e", func(s *socketio.Socket, _ string) {
		handled.Add(1)
		<-release
	})
	left := make(chan error, 10)
	srv.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { left <- context.Cause(s.Context()) })
	event := `42["e","` + strings.Repeat("x", size) + `"]`
	light, _ := wiretest.Join(t, url, "websocket", "/")
	light.Send(slices.Repeat([]string{event}, 10)...)
	waitFor(t, "its events", func() bool { return srv.Stats().PendingEvents == 9 })
	heavy, _ := wiretest.Join(t, url, "websocket", "/")
	heavy.Send(slices.Repeat([]string{event}, 25)...)
	waitFor(t, "more events", func() bool { return srv.Stats().PendingEvents == 33 })
	if held := srv.Stats().HeldBytes; held < 33*size-200_000 || held > limit {
		t.Errorf("%d bytes are counted for 33 events of %d", held, size)
	}
	go heavy.TrySend(slices.Repeat([]string{event}, 14)...)
	waitFor(t, "the end of the heavy client", func() bool { return srv.Engine().Len() == 1 })
	waitFor(t, "what is held by the other", func() bool { return srv.Stats().HeldBytes < 10*size+10_000 })
	close(release)
	if err := receive(t, left, "the end"); !errors.Is(err, engine.ErrServerFull) {
		t.Errorf("the cause is %v", err)
	}
	waitFor(t, "the light client's events", func() bool { return srv.Stats().PendingEvents == 0 && srv.Stats().HeldBytes == 0 })
	if n := handled.Load(); n != 10+1 {
		t.Errorf("%d events were handled, want 10 of the one and 1 of the other", n)
	}
}

// Nor are those of a client that was closed for what it holds handled in a namespace that it
// has left.
func TestEventsOfALeftNamespaceAreDropped(t *testing.T) {
	t.Parallel()
	const limit, size, events = 2_000_000, 100_000, 9
	srv, url, _ := newServer(t, &socketio.Options{
		Engine: engine.ServerOptions{TotalBytes: limit},
	})
	release := make(chan struct{})
	var handled atomic.Int32
	slow, other := srv.Of("/slow"), srv.Of("/other")
	slow.On("e", func(string) {
		handled.Add(1)
		<-release
	})
	other.On("e", func(string) { <-release })
	causes := make(chan error, 10)
	other.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { causes <- context.Cause(s.Context()) })
	heavy, _ := wiretest.Join(t, url, "websocket", "/slow")
	heavy.Join("/other")
	heavy.Send(slices.Repeat([]string{`42/slow,["e","` + strings.Repeat("x", size) + `"]`}, events)...)
	heavy.Send("41/slow,")
	waitFor(t, "the end in the namespace", func() bool { return len(slow.Sockets()) == 0 })
	var light []*wiretest.Client
	for range 3 { // each holds less
		c, _ := wiretest.Join(t, url, "websocket", "/other")
		light = append(light, c)
		go c.TrySend(slices.Repeat([]string{`42/other,["e","` + strings.Repeat("x", 3*size/2) + `"]`}, 3)...)
	}
	waitFor(t, "the end of the heavy client", func() bool { return srv.Engine().Len() == len(light) })
	close(release)
	if err := receive(t, causes, "the cause"); !errors.Is(err, engine.ErrServerFull) {
		t.Errorf("the cause is %v", err)
	}
	waitFor(t, "the end of its handlers", func() bool { return socketio.Users(slow) == 0 })
	if n := handled.Load(); n != 1 {
		t.Errorf("%d events were handled in the namespace, want 1", n)
	}
}
