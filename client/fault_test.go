package client_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/faultproxy"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// faults runs a test over every transport through a proxy, with a heartbeat that
// notices black holes soon. Tests that use it do not run beside others, which could
// keep a heartbeat from arriving in time.
func faults(t *testing.T, opts *socketio.Options, f func(t *testing.T, way setting, srv *socketiotest.Server, p *faultproxy.Proxy)) {
	transports(t, parser.JSON, func(t *testing.T, way setting) {
		o := *opts
		o.Engine.PingInterval = 100 * time.Millisecond
		o.Engine.PingTimeout = 500 * time.Millisecond
		srv := way.serve(t, &o)
		url := wiretest.Serve(t, srv)
		f(t, way, srv, faultproxy.Start(t, strings.TrimPrefix(url, "http://")))
	})
}

// through returns a client that reaches the server by way of the proxy.
func through(t testing.TB, way setting, srv *socketiotest.Server, p *faultproxy.Proxy, change func(*client.Options)) *client.Socket {
	return way.client(t, srv, "/", func(o *client.Options) {
		o.Engine.DialContext = p.Dial
		o.ConnectTimeout = time.Second
		o.Engine.RequestTimeout = time.Second
		o.ReconnectDelay = 5 * time.Millisecond
		o.ReconnectDelayMax = 20 * time.Millisecond
		if change != nil {
			change(o)
		}
	})
}

// trouble lists what a proxy may do, and undoes it again.
var trouble = map[string]func(p *faultproxy.Proxy, passed func(string, func() bool), c *client.Socket){
	"cut":   func(p *faultproxy.Proxy, _ func(string, func() bool), _ *client.Socket) { p.Cut() },
	"reset": func(p *faultproxy.Proxy, _ func(string, func() bool), _ *client.Socket) { p.Reset() },
	"refuse": func(p *faultproxy.Proxy, passed func(string, func() bool), _ *client.Socket) {
		before := p.Accepted()
		p.Refuse(true)
		p.Cut()
		passed("attempts", func() bool { return p.Accepted() > before+2 })
		p.Refuse(false)
	},
	"black hole": func(p *faultproxy.Proxy, passed func(string, func() bool), c *client.Socket) {
		p.BlackHole(true)
		passed("the client to notice", func() bool { return !c.Connected() })
		p.BlackHole(false)
	},
	"delay": func(p *faultproxy.Proxy, _ func(string, func() bool), _ *client.Socket) {
		p.Delay(20 * time.Millisecond)
		p.Cut()
	},
}

// With Retries every event arrives, in order, whatever the network does; some more
// than once, and never one before another that was emitted earlier.
func TestEveryEventArrives(t *testing.T) {
	faults(t, &socketio.Options{}, func(t *testing.T, way setting, srv *socketiotest.Server, p *faultproxy.Proxy) {
		got := new(list[int])
		srv.On("n", func(i int) { got.add(i) })
		srv.On("n", func(ack func()) { ack() })
		c := through(t, way, srv, p, func(o *client.Options) {
			o.Retries = 1000
			o.AckTimeout = 200 * time.Millisecond
		})
		c.OnError(func(err error) { t.Error(err) })
		connect(t, c)
		passed := func(what string, cond func() bool) { socketiotest.WaitFor(t, what, cond) }
		next := 0
		for name, fault := range trouble {
			for range 20 {
				if err := c.Emit("n", next); err != nil {
					t.Fatal(err)
				}
				next++
			}
			fault(p, passed, c)
			if _, err := c.EmitWithAck(within(t), "n", next); err != nil {
				t.Fatalf("after %s: %v", name, err)
			}
			next++
			p.Delay(0)
		}
		all := got.get()
		if !slices.IsSorted(all) || !slices.Equal(slices.Compact(all), numbers(0, next)[:next]) {
			t.Errorf("the server got %v", got.get())
		}
	})
}

// Without a lost event the client resumes where it was, whatever the network does.
func TestRecoveryFromFaults(t *testing.T) {
	opts := &socketio.Options{Recovery: &socketio.Recovery{}}
	faults(t, opts, func(t *testing.T, way setting, srv *socketiotest.Server, p *faultproxy.Proxy) {
		c := through(t, way, srv, p, nil)
		got := new(list[int])
		c.On("n", func(i int) { got.add(i) })
		recovered := new(list[bool])
		c.OnConnect(func() { recovered.add(c.Recovered()) })
		connect(t, c)
		id := c.ID()
		passed := func(what string, cond func() bool) { socketiotest.WaitFor(t, what, cond) }
		next := 0
		for name, fault := range trouble {
			for range 5 {
				_ = srv.Emit("n", next)
				next++
			}
			fault(p, passed, c)
			_ = srv.Emit("n", next)
			next++
			socketiotest.WaitFor(t, fmt.Sprintf("the events after %s; got %v", name, got.get()), func() bool { return len(got.get()) >= next })
			p.Delay(0)
		}
		if all := got.get(); !slices.Equal(append(all, -1), numbers(0, next)) {
			t.Errorf("got %v", all)
		}
		socketiotest.WaitFor(t, "the connection", c.Connected)
		if all := recovered.get(); slices.Contains(all[1:], false) || c.ID() != id {
			t.Errorf("recovered: %v", all)
		}
	})
}

// The client reconnects over whatever transport works, and nothing is left.
func TestFaultsLeaveNothingBehind(t *testing.T) {
	faults(t, &socketio.Options{}, func(t *testing.T, way setting, srv *socketiotest.Server, p *faultproxy.Proxy) {
		c := through(t, way, srv, p, nil)
		connect(t, c)
		for range 10 {
			id := c.ID()
			socketiotest.WaitFor(t, "the client to notice", func() bool {
				if c.ID() == id {
					p.Reset() // again, if no request was under way
				}
				return c.ID() != id
			})
			socketiotest.WaitFor(t, "the client to come back", c.Connected)
		}
		if c.Manager().Engine().Transport() != engine.WebSocket && way.transports[0] == engine.WebSocket {
			t.Error("the transport is another")
		}
		c.Disconnect()
		socketiotest.WaitFor(t, "the connections to end", func() bool { return srv.Stats().Connections == 0 })
	})
}
