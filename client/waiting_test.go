package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// nothing returns options with which connections are neither opened nor refused.
func nothing() *client.Options {
	o := nowhere()
	o.Engine.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	o.ConnectTimeout = time.Second
	return o
}

// A caller of Connect who gives up does not do so for others.
func TestConnectGivesUpAlone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(m *client.Manager) (connect func(context.Context) error){
		"socket":  func(m *client.Manager) func(context.Context) error { return m.Socket("/", nil).Connect },
		"manager": func(m *client.Manager) func(context.Context) error { return m.Connect },
	} {
		for _, first := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/first %v", name, first), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := client.NewManager("http://example.test", nothing())
					defer m.Close()
					connect := test(m)
					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
					defer cancel()
					patient, impatient := make(chan error, 1), make(chan error, 1)
					contexts := []context.Context{ctx, t.Context()}
					results := []chan error{impatient, patient}
					if !first {
						slices.Reverse(contexts)
						slices.Reverse(results)
					}
					start := time.Now()
					for i, ctx := range contexts {
						go func() { results[i] <- connect(ctx) }()
						synctest.Wait()
					}
					if err := <-impatient; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 100*time.Millisecond {
						t.Errorf("%v after %v", err, time.Since(start))
					}
					if err := <-patient; !errors.Is(err, client.ErrConnectTimeout) || time.Since(start) != time.Second {
						t.Errorf("%v after %v", err, time.Since(start))
					}
					time.Sleep(time.Hour)
					if m.Socket("/", nil).Active() || m.Waiters() > 0 {
						t.Errorf("active %v, %d waiters", m.Socket("/", nil).Active(), m.Waiters())
					}
				})
			})
		}
	}
}

// Nor for Open.
func TestOpenWhileConnecting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client.New("http://example.test", nothing())
		defer c.Manager().Close()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		go func() { _ = c.Connect(ctx) }()
		synctest.Wait()
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if !c.Active() {
			t.Error("the socket is not active any more")
		}
		c.Disconnect()
		if err := c.Connect(ctx); err == nil || c.Active() {
			t.Errorf("%v, active %v", err, c.Active())
		}
	})
}

// Many who try again and again get all their answers.
func TestConnectByMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client.New("http://example.test", nowhere())
		defer c.Manager().Close()
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 100 {
					var err error
					if i < 6 {
						err = c.Connect(context.Background())
					} else {
						err = c.Manager().Connect(context.Background())
					}
					if !errors.Is(err, errNoRoute) {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if c.Active() {
			t.Error("the socket is active still")
		}
	})
}

func TestManagerForgetsWaiters(t *testing.T) {
	t.Parallel()
	m := client.NewManager("http://example.test", nothing())
	defer m.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		if err := m.Connect(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if n := m.Waiters(); n > 0 {
		t.Errorf("%d waiters are kept", n)
	}
}

// A connection that ends before a socket has asked to join is a failure, too.
func TestNoReconnectBeforeJoining(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := nothing()
		o.NoReconnect = true
		c := client.New("http://example.test", o)
		defer c.Manager().Close()
		refused := make(chan error, 10)
		c.OnConnectError(func(err error) { refused <- err })
		result := make(chan error, 1)
		go func() { result <- c.Connect(t.Context()) }()
		synctest.Wait()
		c.Manager().LoseAtOnce()
		synctest.Wait()
		for what, errs := range map[string]chan error{"Connect": result, "OnConnectError": refused} {
			select {
			case err := <-errs:
				if errorAs[*client.DisconnectError](t, err).Reason != client.TransportClose {
					t.Error(err)
				}
			default:
				t.Errorf("%s was not told", what)
			}
		}
		if c.Active() {
			t.Error("the socket is active still")
		}
	})
}

// A handler that waits for a server that has left, while the inbox is full, learns it.
func TestFullInboxAndNoServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, func(o *client.Options) { o.InboxEvents, o.NoReconnect = 10, true })
		srv.OnConnect(func(s *socketio.Socket) {
			for i := range 100 {
				_ = s.Emit("n", i)
			}
		})
		results := make(chan error, 100)
		c.On("n", func(ctx context.Context) {
			_, err := c.EmitWithAck(context.Background(), "nobody answers")
			results <- err
		})
		connect(t, c)
		start := time.Now()
		if reason := errorAs[*client.DisconnectError](t, <-results).Reason; reason == "" || time.Since(start) > 3*45*time.Second {
			t.Errorf("%v after %v", reason, time.Since(start))
		}
		synctest.Wait()
		if c.Connected() || c.Active() {
			t.Error("the socket is connected still")
		}
		c.Disconnect()
	})
}

// What has waited for the connection is sent in order, and completely, however little
// that takes at once.
func TestBufferLargerThanTheOutbox(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]engine.Overflow{"disconnect": engine.Disconnect, "oldest": engine.DropOldest, "newest": engine.DropNewest, "refuse": engine.Refuse} {
		for _, tr := range []engine.Transport{engine.WebSocket, engine.Polling} {
			for what, limit := range map[string]func(*client.Options){
				"one":   func(o *client.Options) { o.Engine.OutboxMessages = 1 },
				"ten":   func(o *client.Options) { o.Engine.OutboxMessages = 10 },
				"bytes": func(o *client.Options) { o.Engine.OutboxBytes = 100 },
			} {
				t.Run(fmt.Sprint(name, "/", tr, "/", what), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						srv, c := bubble(t, nil, func(o *client.Options) {
							o.Engine.Transports = []engine.Transport{tr}
							o.Engine.Overflow = policy
							limit(o)
						})
						got := notes(srv)
						c.OnError(func(err error) { t.Error(err) })
						for i := range 100 {
							if err := c.Emit("n", i); err != nil {
								t.Fatal(err)
							}
						}
						connect(t, c)
						id := c.ID()
						for i := 100; i < 110; i++ { // the policy would apply to Emit
							if err := c.EmitWait(t.Context(), "n", i); err != nil {
								t.Fatal(err)
							}
						}
						settled(t, c)
						if all := got.get(); !slices.Equal(all, numbers(0, 110)) {
							t.Errorf("the server got %v", all)
						}
						if messages, bytes, acks := c.Waiting(); messages+bytes+acks != 0 || c.ID() != id {
							t.Errorf("%d messages, %d bytes, %d acks are left; ID %q, was %q", messages, bytes, acks, c.ID(), id)
						}
					})
				})
			}
		}
	}
}

// With Retries, an event for which the connection has no room is sent later.
func TestRetryOverFullOutbox(t *testing.T) {
	t.Parallel()
	for retries, events := range map[int]int{0: 0, 3: 5} {
		synctest.Test(t, func(t *testing.T) {
			srv, c := bubble(t, nil, func(o *client.Options) {
				o.Retries = retries
				o.Engine.Overflow = engine.Refuse
				o.Engine.OutboxMessages = 1
			})
			got := notes(srv)
			connect(t, c)
			synctest.Wait()
			e := c.Manager().Engine()
			e.Cork() // as a batch of handlers does
			if err := e.Send(engine.NewTextMessage([]byte(`2["x"]`)), 0); err != nil {
				t.Fatal(err)
			}
			if err := c.Emit("n", 0); (err != nil) != (retries == 0) {
				t.Error(err)
			}
			for i := 1; i < events; i++ {
				if err := c.Emit("n", i); err != nil {
					t.Error(err)
				}
			}
			e.Uncork()
			time.Sleep(time.Second)
			synctest.Wait()
			if all := got.get(); len(all) != events || !slices.IsSorted(all) {
				t.Errorf("the server got %v", all)
			}
			if n, _, _ := c.Waiting(); n > 0 {
				t.Errorf("%d messages wait", n)
			}
		})
	}
}

// An event that is being read while the socket is disconnected is not handled after
// that, and the server will have to send it again.
func TestNoEventsAfterTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, &socketio.Options{Recovery: &socketio.Recovery{}}, func(o *client.Options) { o.InboxEvents = 1 })
		var got list[string]
		release := make(chan bool)
		c.On("n", func(what string) {
			got.add(what)
			if what == "held" {
				<-release
			}
		})
		c.OnDisconnect(func(client.Reason, error) { got.add("disconnected") })
		connect(t, c)
		late := c.Reading()
		event := func(what string) *parser.Packet {
			p, err := parser.JSON.NewDecoder(parser.Limits{}).Decode(fmt.Appendf(nil, `2["n",%q,"offset of %[1]s"]`, what), false)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		late(event("early"))
		synctest.Wait()
		late(event("held"))
		waits := make(chan bool)
		go func() { late(event("waiting")); close(waits) }()
		synctest.Wait()
		srv.Socket(c.ID()).Conn().Close()
		<-waits
		late(event("late"))
		release <- true
		synctest.Wait()
		if all := got.get(); !slices.Equal(all, []string{"early", "held", "disconnected"}) {
			t.Errorf("got %q", all)
		}
		late(event("late"))
		synctest.Wait()
		if all := got.get(); len(all) != 3 {
			t.Errorf("got %q", all)
		}
		if _, offset := c.Session(); offset != "offset of held" {
			t.Errorf("the offset is %q", offset)
		}
	})
}

// Events before the answers of many connections do not pile up behind a handler.
func TestEventsBeforeTheAnswersAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var cuts atomic.Bool
		cuts.Store(true)
		f := newFake(t, func(c *engine.Conn, message string) {
			if message != "0" {
				return
			}
			for range 7 {
				say(c, `2["n"]`)
			}
			say(c, granted)
			if cuts.Load() {
				time.AfterFunc(time.Second, c.Close)
			}
		})
		c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.InboxEvents = 10 })
		release := make(chan bool)
		handled := 0
		c.On("n", func() { <-release; handled++ })
		var connected atomic.Int32
		c.OnConnect(func() { connected.Add(1) })
		connect(t, c)
		for range 100 {
			time.Sleep(10 * time.Second)
			for len(f.conns) > 0 {
				<-f.conns
			}
			if n := c.Load(); n > 10 {
				t.Fatalf("%d events wait, 10 may", n)
			}
		}
		cuts.Store(false)
		close(release)
		time.Sleep(time.Minute)
		synctest.Wait()
		if !c.Connected() || connected.Load() < 2 || c.Load() != 0 || handled < 14 {
			t.Errorf("connected %v, %d times; %d events wait, %d were handled", c.Connected(), connected.Load(), c.Load(), handled)
		}
	})
}

// A question that waits for room in the connection does not outlive Disconnect, whether
// other sockets keep the connection or not.
func TestQuestionWithoutRoomAndDisconnect(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		t.Run(fmt.Sprintf("shared %v", shared), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, c := bubble(t, nil, func(o *client.Options) { o.Engine.OutboxMessages = 1 })
				srv.Of("/other")
				connect(t, c)
				if shared {
					connect(t, c.Manager().Socket("/other", nil))
				}
				conn := c.Manager().Engine()
				conn.Cork()
				if err := c.Emit("takes the room"); err != nil {
					t.Fatal(err)
				}
				asked := make(chan error, 1)
				go func() {
					_, err := c.EmitWithAck(context.Background(), "question")
					asked <- err
				}()
				synctest.Wait()
				c.Disconnect()
				synctest.Wait()
				select {
				case err := <-asked:
					if reason := errorAs[*client.DisconnectError](t, err).Reason; reason != client.ClientDisconnect {
						t.Errorf("EmitWithAck: %v", err)
					}
				default:
					t.Error("EmitWithAck still waits")
				}
				if n, _, acks := c.Waiting(); n+acks > 0 {
					t.Errorf("%d events and %d acknowledgements wait", n, acks)
				}
				conn.Uncork()
			})
		})
	}
}

// A volatile event is dropped while others wait for the connection, which has admitted
// the socket already: it must not overtake them.
func TestVolatileBehindTheBuffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, func(o *client.Options) { o.Engine.OutboxMessages = 1 })
		var got list[int]
		srv.On("n", func(n int) { got.add(n) })
		for n := range 10 {
			if err := c.Emit("n", n); err != nil {
				t.Fatal(err)
			}
		}
		client.HoldResume(c)
		connect(t, c)
		synctest.Wait()
		if waiting, _, _ := c.Waiting(); waiting == 0 || !c.Manager().Engine().Writable() {
			t.Fatalf("%d events wait", waiting)
		}
		if _, err := c.Volatile().Timeout(time.Second).EmitWithAck(t.Context(), "n", -1); !errors.Is(err, client.ErrDropped) {
			t.Errorf("EmitWithAck: %v", err)
		}
		if err := c.Volatile().Emit("n", -1); err != nil {
			t.Errorf("Emit: %v", err)
		}
		client.ReleaseResume(c)
		if err := c.Flush(t.Context()); err != nil {
			t.Errorf("Flush: %v", err)
		}
		synctest.Wait()
		if all := got.get(); !slices.Equal(append(all, -1), numbers(0, 10)) {
			t.Errorf("the server got %v", all)
		}
	})
}
