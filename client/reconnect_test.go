package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		opts    client.Options
		attempt int
		random  float64
		want    time.Duration
	}{
		{client.Options{}, 1, 0, 500 * time.Millisecond},
		{client.Options{}, 1, 0.25, 750 * time.Millisecond},
		{client.Options{}, 2, 0.5, 2 * time.Second},
		{client.Options{}, 2, 0.75, 2500 * time.Millisecond},
		// At most 5 s: what is left of the range is used evenly.
		{client.Options{}, 3, 0, 2 * time.Second},
		{client.Options{}, 3, 0.5, 3500 * time.Millisecond},
		{client.Options{}, 4, 0, 2500 * time.Millisecond},
		{client.Options{}, 4, 0.5, 3750 * time.Millisecond},
		{client.Options{}, 1000000, 0.75, 4375 * time.Millisecond},
		{client.Options{RandomizationFactor: -1}, 1, 0.9, time.Second},
		{client.Options{RandomizationFactor: -1}, 3, 0.9, 4 * time.Second},
		{client.Options{RandomizationFactor: 1}, 1, 0.75, 1500 * time.Millisecond},
		{client.Options{RandomizationFactor: 0.5}, 2, 0.875, 2750 * time.Millisecond},
		{client.Options{ReconnectDelay: 10 * time.Second, RandomizationFactor: -1}, 5, 0, 10 * time.Second},
		{client.Options{ReconnectDelay: time.Second, ReconnectDelayMax: time.Minute, RandomizationFactor: -1}, 6, 0, 32 * time.Second},
	} {
		got, err := client.Backoff(test.opts, test.attempt, test.random)
		if err != nil || got != test.want {
			t.Errorf("%+v, attempt %d, random %v: %v, want %v, %v", test.opts, test.attempt, test.random, got, test.want, err)
		}
	}
}

// The clients of a server that was away for some time come back one by one: their
// delays differ at every attempt, also when they have grown to the longest.
func TestBackoffIsSpread(t *testing.T) {
	t.Parallel()
	const clients, slots = 5000, 50
	for _, attempt := range []int{1, 2, 3, 4, 10} {
		var slot [slots + 1]int
		for i := range clients {
			delay, err := client.Backoff(client.Options{}, attempt, float64(i)/clients)
			if err != nil || delay > client.DefaultReconnectDelayMax {
				t.Fatalf("attempt %d: %v, %v", attempt, delay, err)
			}
			slot[delay*slots/client.DefaultReconnectDelayMax]++ // of 100 ms
		}
		if n := slices.Max(slot[:]); n > clients/8 {
			t.Errorf("attempt %d: %d of %d clients come back within 100 ms", attempt, n, clients)
		}
	}
}

// A diary notes what happens to a client, and when.
type diary struct {
	list[string]
	start time.Time
}

func (d *diary) note(format string, args ...any) {
	d.add(fmt.Sprintf("%v "+format, append([]any{time.Since(d.start)}, args...)...))
}

// keepDiary notes everything that the hooks of a client report.
func keepDiary(c *client.Socket) *diary {
	d := &diary{start: time.Now()}
	m := c.Manager()
	m.OnOpen(func() { d.note("open") })
	m.OnClose(func(reason client.Reason, err error) { d.note("close %s", reason) })
	m.OnError(func(err error) { d.note("error %v", err) })
	m.OnReconnectAttempt(func(n int) { d.note("attempt %d", n) })
	m.OnReconnect(func(n int) { d.note("reconnect %d", n) })
	m.OnReconnectError(func(err error) { d.note("reconnect error") })
	m.OnReconnectFailed(func() { d.note("failed") })
	c.OnConnect(func() { d.note("connect") })
	c.OnConnectError(func(err error) { d.note("connect error, active %v", c.Active()) })
	c.OnDisconnect(func(reason client.Reason, err error) { d.note("disconnect %s, active %v", reason, c.Active()) })
	return d
}

func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	// Hooks of the manager and of the socket run side by side.
	got := d.get()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("what has happened:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var errNoRoute = errors.New("no route")

// nowhere are options for a server that cannot be reached.
func nowhere() *client.Options {
	return &client.Options{
		Engine: engine.DialOptions{
			Transports:  []engine.Transport{engine.WebSocket},
			DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errNoRoute },
		},
		RandomizationFactor: -1,
		Logger:              slog.New(slog.DiscardHandler),
	}
}

func TestReconnectAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := nowhere()
		o.ReconnectAttempts = 4
		c := client.New("http://example.test", o)
		d := keepDiary(c)
		c.Manager().OnError(func(err error) {
			if !errors.Is(err, errNoRoute) {
				t.Error(err)
			}
		})
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if c.Active() {
			t.Error("the socket is active still")
		}
		refused := "error client: handshake over websocket with http://example.test:80/socket.io/ failed: no route"
		d.expect(t,
			"0s "+refused, "0s connect error, active true",
			"1s attempt 1", "1s "+refused, "1s reconnect error", "1s connect error, active true",
			"3s attempt 2", "3s "+refused, "3s reconnect error", "3s connect error, active true",
			"7s attempt 3", "7s "+refused, "7s reconnect error", "7s connect error, active true",
			"12s attempt 4", "12s "+refused, "12s reconnect error", "12s connect error, active false",
			"12s failed",
		)
	})
}

func TestConnectFailsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client.New("http://example.test", nowhere())
		d := keepDiary(c)
		if err := c.Connect(t.Context()); !errors.Is(err, errNoRoute) || c.Active() {
			t.Errorf("%v, active %v", err, c.Active())
		}
		if err := c.Manager().Connect(t.Context()); !errors.Is(err, errNoRoute) {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		for _, line := range d.get() {
			if strings.Contains(line, "attempt") {
				t.Errorf("it goes on: %s", line)
			}
		}
		// For a socket that is active anyway, Connect reports an attempt and ends
		// nothing.
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		if err := c.Connect(t.Context()); !errors.Is(err, errNoRoute) || !c.Active() {
			t.Errorf("%v, active %v", err, c.Active())
		}
		c.Disconnect()
		synctest.Wait()
		n := len(d.get())
		time.Sleep(time.Hour)
		if more := d.get()[n:]; len(more) > 0 {
			t.Errorf("after Disconnect: %q", more)
		}

		o := nowhere()
		o.NoReconnect = true
		c = client.New("http://example.test", o)
		d = keepDiary(c)
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		d.expect(t, "0s error client: handshake over websocket with http://example.test:80/socket.io/ failed: no route", "0s connect error, active false")
	})
}

func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := nowhere()
		o.Engine.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		o.ConnectTimeout = 3 * time.Second
		c := client.New("http://example.test", o)
		start := time.Now()
		if err := c.Connect(t.Context()); !errors.Is(err, client.ErrConnectTimeout) || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Connect(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 4*time.Second || c.Active() {
			t.Errorf("%v after %v, active %v", err, time.Since(start), c.Active())
		}
		if err := c.Manager().Connect(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		synctest.Wait()
	})
}

// bubble starts a server and a client in the bubble of a test.
func bubble(t *testing.T, opts *socketio.Options, change func(*client.Options)) (*socketiotest.Server, *client.Socket) {
	srv := overWebSocket.serve(t, opts)
	c := overWebSocket.client(t, srv, "/", func(o *client.Options) {
		o.ReconnectDelay = 0
		o.RandomizationFactor = -1
		if change != nil {
			change(o)
		}
	})
	return srv, c
}

func TestReconnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, nil)
		d := keepDiary(c)
		connect(t, c)
		id := c.ID()
		synctest.Wait()
		srv.Socket(id).Conn().Close()
		time.Sleep(10 * time.Second)
		if !c.Connected() || c.ID() == id || c.Recovered() {
			t.Errorf("connected %v, ID %q, recovered %v", c.Connected(), c.ID(), c.Recovered())
		}
		d.expect(t, "0s open", "0s connect",
			"0s close transport close", "0s disconnect transport close, active true",
			"1s attempt 1", "1s open", "1s reconnect 1", "1s connect")
	})
}

func TestNoReconnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, func(o *client.Options) { o.NoReconnect = true })
		d := keepDiary(c)
		connect(t, c)
		synctest.Wait()
		srv.Socket(c.ID()).Conn().Close()
		time.Sleep(time.Hour)
		d.expect(t, "0s open", "0s connect", "0s close transport close", "0s disconnect transport close, active false")
		connect(t, c)
	})
}

// The heartbeat keeps an idle connection, and calls OnPing.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := bubble(t, nil, nil)
		d := keepDiary(c)
		var pings list[bool]
		c.Manager().OnPing(func() { pings.add(true) })
		connect(t, c)
		time.Sleep(time.Minute)
		if n := len(pings.get()); n != 2 {
			t.Errorf("%d pings in a minute, want 2", n)
		}
		d.expect(t, "0s open", "0s connect")
	})
}

// The manager's connection may be opened, and kept, without a socket.
func TestManagerConnect(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	m := client.NewManager(srv.URL, overWebSocket.options(srv))
	end(t, m)
	if m.Connected() || m.Engine() != nil {
		t.Error("connected")
	}
	for range 2 {
		if err := m.Connect(within(t)); err != nil || !m.Connected() || m.Engine().ID() == "" {
			t.Fatalf("%v, connected %v", err, m.Connected())
		}
	}
	first := m.Engine()
	c := connect(t, m.Socket("/", nil))
	c.Disconnect()
	if m.Engine() != first || c.Manager() != m {
		t.Error("the connection is another")
	}
	reasons := make(chan client.Reason, 1)
	m.OnClose(func(reason client.Reason, err error) { reasons <- reason })
	m.Close()
	m.Close()
	if r := receive(t, reasons, "the close"); r != client.ForcedClose {
		t.Errorf("reason %q", r)
	}
	if err := m.Connect(t.Context()); !errors.Is(err, client.ErrClosed) || !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	receive(t, first.Done(), "the end of the connection")
}

// Close ends attempts to connect, waits of callers, and everything that waits.
func TestManagerClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client.New("http://example.test", nowhere())
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		if err := c.Emit("e"); err != nil {
			t.Fatal(err)
		}
		results := make(chan error, 2)
		go func() {
			_, err := c.EmitWithAck(t.Context(), "e")
			results <- err
		}()
		time.Sleep(100 * time.Millisecond)
		go func() { results <- c.Connect(t.Context()) }()
		synctest.Wait()
		c.Manager().Close()
		for range 2 {
			if err := <-results; !errors.Is(err, client.ErrClosed) {
				t.Error(err)
			}
		}
		if messages, bytes, acks := c.Waiting(); messages+bytes+acks != 0 || c.Active() {
			t.Errorf("%d messages, %d bytes, %d acks are left; active %v", messages, bytes, acks, c.Active())
		}
		synctest.Wait()
	})
}

// Hooks may call whatever they like, and panic.
func TestHooksOfTheManager(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := overWebSocket.client(t, srv, "/", nil)
	m := c.Manager()
	m.OnOpen(func() { panic("hook") })
	opened := make(chan bool, 1)
	m.OnOpen(func() { opened <- m.Connected() && c.Active() })
	upgrades := make(chan engine.Transport, 1)
	m.OnUpgrade(func(t engine.Transport) { upgrades <- t })
	connect(t, c)
	if !receive(t, opened, "the hook") {
		t.Error("not connected in OnOpen")
	}
	o := setting{[]engine.Transport{engine.Polling, engine.WebSocket}, overWebSocket.codec}
	c = o.client(t, srv, "/", nil)
	off := c.Manager().OnUpgrade(func(t engine.Transport) { upgrades <- t })
	connect(t, c)
	if to := receive(t, upgrades, "the upgrade"); to != engine.WebSocket {
		t.Errorf("moved to %s", to)
	}
	off()
}

// Hooks that do not return delay the attempts before too many calls are due.
func TestHooksThatBlock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := nowhere()
		dialed := 0
		o.Engine.DialContext = func(context.Context, string, string) (net.Conn, error) {
			dialed++
			return nil, errNoRoute
		}
		c := client.New("http://example.test", o)
		release := make(chan bool)
		c.Manager().OnReconnectAttempt(func(n int) { <-release })
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if dialed < 10 || dialed > 50 {
			t.Errorf("%d attempts in an hour", dialed)
		}
		before := dialed
		close(release)
		time.Sleep(time.Minute)
		synctest.Wait()
		if dialed < before+10 {
			t.Errorf("%d attempts after the hook has returned", dialed-before)
		}
		c.Manager().Close()
		synctest.Wait()

		// Close does not wait for them.
		c = client.New("http://example.test", o)
		release = make(chan bool)
		c.Manager().OnError(func(error) { <-release })
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		c.Manager().Close()
		close(release)
		synctest.Wait()
	})
}
