package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// A caller who gives up in the moment in which its event is dropped takes no other event
// with it.
func TestGivingUpWhatIsDropped(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(c *client.Socket){
		"Disconnect": func(c *client.Socket) { c.Disconnect() },
		"Close":      func(c *client.Socket) { c.Manager().Close() },
	} {
		for _, retries := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s/retries %d", name, retries), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					for range 20 { // which of the two is first is left to chance
						o := nothing()
						o.Retries = retries
						c := client.New("http://example.test", o)
						defer c.Manager().Close()
						if err := c.Emit("stays"); err != nil {
							t.Fatal(err)
						}
						_, size, _ := c.Waiting()
						ctx, cancel := context.WithCancel(t.Context())
						result := make(chan error, 1)
						go func() {
							_, err := c.EmitWithAck(ctx, "given up")
							result <- err
						}()
						synctest.Wait()
						cancel()
						end(c)
						if err := <-result; !errors.Is(err, context.Canceled) && !errors.Is(err, net.ErrClosed) {
							t.Error(err)
						}
						n, bytes, acks := c.Waiting()
						if want := c.Open() == nil; want && (n != 1 || bytes != size) || !want && n+bytes > 0 || acks > 0 {
							t.Errorf("%d events of %d bytes wait, and %d acknowledgements", n, bytes, acks)
						}
					}
				})
			})
		}
	}
}

// held returns a client of which a handler waits, and a function that ends the handler.
// What the server emits meanwhile is handled as one batch.
func held(t *testing.T, change func(*client.Options)) (srv *socketiotest.Server, c *client.Socket, release func()) {
	srv, c = bubble(t, nil, change)
	hold := make(chan bool)
	c.On("hold", func() { <-hold })
	connect(t, c)
	synctest.Wait()
	if err := srv.Emit("hold"); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return srv, c, func() { synctest.Wait(); hold <- true }
}

// What a handler has emitted is not held back while it waits for the server.
func TestHandlersThatWaitHoldNothingBack(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]func(ctx context.Context, c *client.Socket) error{
		"EmitWithAck": func(ctx context.Context, c *client.Socket) error { return second(c.EmitWithAck(ctx, "n", 2)) },
		"EmitWait":    func(ctx context.Context, c *client.Socket) error { return c.EmitWait(ctx, "n", 2) },
		"Flush":       func(ctx context.Context, c *client.Socket) error { return c.Flush(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, c, release := held(t, func(o *client.Options) { o.Engine.OutboxMessages = 1 })
				notes(srv)
				took := make(chan time.Duration, 1)
				c.On("wait", func(ctx context.Context) error {
					start := time.Now()
					err := c.Emit("n", 1)
					err = errors.Join(err, wait(ctx, c))
					took <- time.Since(start)
					return err
				})
				c.OnError(func(err error) { t.Error(err) })
				for _, event := range []string{"wait", "another"} {
					if err := srv.Emit(event); err != nil {
						t.Fatal(err)
					}
				}
				release()
				if d := <-took; d > 0 {
					t.Errorf("the handler has waited for %v", d)
				}
			})
		})
	}
}

// Nor is it while the handler does something else, except for a moment.
func TestHandlersThatTakeTheirTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c, release := held(t, nil)
		got := notes(srv)
		slow := make(chan bool)
		c.On("slow", func(i int) error {
			defer func() { <-slow }()
			return c.Emit("n", i)
		})
		for i := range 3 {
			if err := srv.Emit("slow", i); err != nil {
				t.Fatal(err)
			}
		}
		release()
		for i := range 3 {
			time.Sleep(time.Second)
			synctest.Wait()
			if n := len(got.get()); n != i+1 {
				t.Errorf("%d events have arrived, want %d", n, i+1)
			}
			slow <- true
		}
	})
}

// writes counts how often something is written to a connection.
type writes struct {
	net.Conn
	n *atomic.Int32
}

func (w writes) Write(b []byte) (int, error) {
	w.n.Add(1)
	return w.Conn.Write(b)
}

// What the handlers of a batch emit leaves in one write.
func TestHandlersOfABatchWriteOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		srv, c, release := held(t, func(o *client.Options) {
			dial := o.Engine.DialContext
			o.Engine.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				return writes{conn, &n}, err
			}
		})
		got := notes(srv)
		c.On("n", func(i int) error {
			err := c.Emit("n", i)
			time.Sleep(time.Nanosecond) // until everything else in the bubble is done
			return err
		})
		for i := range 20 {
			if err := srv.Emit("n", i); err != nil {
				t.Fatal(err)
			}
		}
		n.Store(0)
		release()
		time.Sleep(time.Microsecond)
		synctest.Wait()
		if n, all := n.Load(), got.get(); n != 1 || len(all) != 20 {
			t.Errorf("%d events were sent with %d writes", len(all), n)
		}
	})
}

// Pings are not remembered for a function of OnPing that does not return.
func TestPingsBehindAHook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := bubble(t, &socketio.Options{Engine: engine.ServerOptions{PingInterval: time.Second}}, nil)
		release := make(chan bool)
		pings := 0
		c.Manager().OnPing(func() {
			pings++
			<-release
		})
		connect(t, c)
		time.Sleep(10 * time.Minute)
		close(release)
		synctest.Wait()
		if pings < 2 || pings > 50 {
			t.Errorf("OnPing was called %d times after the first call has returned", pings)
		}
	})
}

// With NoReconnect, a manager whose Connect was called is done when its connection is,
// until Connect is called again.
func TestNoReconnectOfAManager(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, nil)
		o := overWebSocket.options(f.Server)
		o.NoReconnect = true
		m := client.NewManager(f.URL, o)
		end(t, m)
		gaveUp := false
		m.OnReconnectFailed(func() { gaveUp = true })
		for range 2 {
			if err := m.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
			(<-f.conns).Close()
			time.Sleep(time.Hour)
			if len(f.conns) > 0 || m.Connected() || gaveUp {
				t.Fatalf("%d further connections, connected %v; OnReconnectFailed was called: %v", len(f.conns), m.Connected(), gaveUp)
			}
		}
		// A socket that is disconnected afterwards leaves no connection behind.
		c := m.Socket("/", nil)
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		<-f.conns
		synctest.Wait()
		e := m.Engine()
		c.Disconnect()
		<-e.Done()
		if m.Connected() {
			t.Error("the connection is kept")
		}
	})
}

// An acknowledgement of an event that was not sent yet is ignored: the event is sent all
// the same, and its own acknowledgement is what counts.
func TestAcknowledgementBeforeTheEvent(t *testing.T) {
	t.Parallel()
	joined, forge := make(chan bool, 1), make(chan string)
	posts, release := make(chan string, 10), make(chan bool)
	srv := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("sid") == "":
			_, _ = io.WriteString(w, `0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}`)
		case r.Method == http.MethodPost:
			body, _ := io.ReadAll(r.Body)
			if string(body) == "40" {
				joined <- true
				return
			}
			posts <- string(body)
			<-release
		default:
			select {
			case <-joined:
				_, _ = io.WriteString(w, "4"+granted)
			case packets := <-forge:
				_, _ = io.WriteString(w, packets)
			case <-r.Context().Done():
			}
		}
	}))
	way := setting{[]engine.Transport{engine.Polling}, parser.JSON}
	c := way.client(t, srv, "/", func(o *client.Options) { o.Engine.OutboxMessages = 1 })
	defer close(release)
	read := make(chan bool, 1)
	c.On("read", func() { read <- true })
	results := make(chan string, 3)
	for i := range 3 { // one is on its way, one is in the outbox, and one waits in the socket
		go func() {
			answer, err := client.Call[string](within(t), c, "e")
			results <- fmt.Sprint(answer, err)
		}()
		socketiotest.WaitFor(t, "the event", func() bool { n, _, _ := c.Waiting(); return n == i+1 })
	}
	connect(t, c)
	if body := receive(t, posts, "the first event"); body != `420["e"]` {
		t.Fatalf("the client has sent %q", body)
	}
	forge <- "432[\"forged\"]\x1e42[\"read\"]"
	receive(t, read, "the event after the acknowledgement")
	if n, _, acks := c.Waiting(); n == 0 || acks != 3 || len(results) > 0 {
		t.Errorf("%d events wait, and %d acknowledgements; %d came", n, acks, len(results))
	}
	for i := range 2 {
		release <- true
		if body, want := receive(t, posts, "an event"), fmt.Sprintf(`42%d["e"]`, i+1); body != want {
			t.Errorf("the client has sent %q, want %q", body, want)
		}
	}
	forge <- "430[\"real\"]\x1e431[\"real\"]\x1e432[\"real\"]"
	for range 3 {
		if r := receive(t, results, "an answer"); r != "real<nil>" && r != "real <nil>" {
			t.Errorf("the answer is %s", r)
		}
	}
}

// Compress decides for each message whether it is compressed.
func TestCompress(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, &socketio.Options{Engine: engine.ServerOptions{PerMessageDeflate: &engine.PerMessageDeflate{}}})
	srv.On("text", func(s string) int { return len(s) })
	var bytes atomic.Int64
	c := connect(t, overWebSocket.client(t, srv, "/", func(o *client.Options) {
		dial := o.Engine.DialContext
		o.Engine.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return written{conn, &bytes}, err
		}
		o.Engine.PerMessageDeflate = &engine.PerMessageDeflate{}
	}))
	text := strings.Repeat("all the same ", 1000)
	for name, test := range map[string]struct {
		caller     client.Caller
		compressed bool
	}{
		"default":   {c, true},
		"on":        {c.Compress(true), true},
		"off":       {c.Compress(false), false},
		"off again": {c.Compress(true).Compress(false), false},
		"on again":  {c.Compress(false).Compress(true), true},
	} {
		before := bytes.Load()
		if n, err := client.Call[int](within(t), test.caller, "text", text); n != len(text) || err != nil {
			t.Fatalf("%s: %d, %v", name, n, err)
		}
		if n := bytes.Load() - before; (n < int64(len(text))) != test.compressed {
			t.Errorf("%s: %d bytes were sent as %d", name, len(text), n)
		}
	}
}

// written counts the bytes that are written to a connection.
type written struct {
	net.Conn
	bytes *atomic.Int64
}

func (w written) Write(b []byte) (int, error) {
	w.bytes.Add(int64(len(b)))
	return w.Conn.Write(b)
}

// Each event counts for itself in the inbox, not with those before it.
func TestSizeOfTheNextEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c, release := held(t, nil)
		release()
		text := strings.Repeat("x", 1000)
		for range 100 {
			if err := srv.Emit("another", text); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if err := srv.Emit("hold"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := c.LoadBytes(); n == 0 || n > 50*len(text) { // it may have got the memory of a larger one
			t.Errorf("the event counts as %d bytes", n)
		}
		release()
	})
}

// That a server is of version 2 ends an attempt to join another namespace, too, for which
// there are no credentials yet, and the connection with it.
func TestServerOfVersion2DuringAuth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, nil)
		var e *engine.Client
		c := overWebSocket.client(t, f.Server, "/other", nil)
		m := c.Manager()
		c = m.Socket("/another", &client.SocketOptions{Auth: func(ctx context.Context) (any, error) {
			e = m.Engine()
			say(<-f.conns, "0")
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		start := time.Now()
		if err := c.Connect(t.Context()); !errors.Is(err, client.ErrServerVersion) || time.Since(start) > 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		<-e.Done()
		if m.Connected() {
			t.Error("the connection is kept")
		}
	})
}

// The pings of a connection over which a socket was admitted take nothing from that.
func TestAttemptsCountAnewAfterPings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, func(c *engine.Conn, _ string) { say(c, granted) })
		c := client.New(f.URL, patient(f))
		end(t, c.Manager())
		var attempts list[int]
		c.Manager().OnReconnectAttempt(func(n int) { attempts.add(n) })
		connect(t, c)
		for range 3 {
			conn := <-f.conns
			time.Sleep(10 * time.Minute)
			conn.Close()
		}
		<-f.conns
		synctest.Wait()
		if got, want := attempts.get(), []int{1, 1, 1}; !slices.Equal(got, want) {
			t.Errorf("attempts %v, want %v", got, want)
		}
	})
}
