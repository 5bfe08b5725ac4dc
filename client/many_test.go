package client_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

const many = 1000

// connectMany connects clients over TCP, which is what they use outside of tests.
func connectMany(t testing.TB, srv *socketiotest.Server, n int) []*client.Socket {
	url := wiretest.Serve(t, srv)
	all := make([]*client.Socket, n)
	o := overWebSocket.options(srv)
	o.Engine.DialContext = nil
	o.ForceNew = true
	var wg sync.WaitGroup
	for i := range all {
		c := client.New(url, o)
		all[i] = c
		wg.Go(func() {
			if err := c.Connect(within(t)); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
		if i%50 == 49 {
			wg.Wait()
		}
	}
	wg.Wait()
	return all
}

// clientGoroutines counts the goroutines of clients.
func clientGoroutines() int {
	buf := make([]byte, 16<<20)
	buf = buf[:runtime.Stack(buf, true)]
	n := 0
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(stack, "engine.(*Client)") || strings.Contains(stack, "/client.(*") {
			n++
		}
	}
	return n
}

// An idle client is one goroutine, that which reads.
func TestManyClients(t *testing.T) {
	srv := overWebSocket.serve(t, nil)
	srv.On("sum", func(a, b int) int { return a + b })
	clients := connectMany(t, srv, many)
	socketiotest.WaitFor(t, "the clients to come to rest", func() bool { return clientGoroutines() <= many })
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			if n, err := client.Call[int](within(t), c, "sum", i, 1); n != i+1 || err != nil {
				t.Errorf("client %d: %d, %v", i, n, err)
			}
		})
	}
	wg.Wait()
	socketiotest.WaitFor(t, "the clients to come to rest", func() bool { return clientGoroutines() <= many })
	for _, c := range clients {
		c.Manager().Close()
	}
	socketiotest.WaitFor(t, "the goroutines to end", func() bool { return clientGoroutines() == 0 })
}

// What an idle client costs in memory and goroutines, together with its end at the
// server, which is in the same process.
func BenchmarkIdleClients(b *testing.B) {
	memory := func() float64 {
		for range 3 {
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc + m.StackInuse)
	}
	for b.Loop() {
		srv := overWebSocket.serve(b, nil)
		before := memory()
		clients := connectMany(b, srv, many)
		socketiotest.WaitFor(b, "the clients to come to rest", func() bool { return clientGoroutines() <= many })
		b.ReportMetric((memory()-before)/many, "bytes/client+server")
		b.ReportMetric(float64(clientGoroutines())/many, "goroutines/client")
		for _, c := range clients {
			c.Manager().Close()
		}
		socketiotest.WaitFor(b, "the clients to go", func() bool { return srv.Stats().Connections == 0 && clientGoroutines() == 0 })
	}
}

// What an event with an acknowledgement costs, both ends included.
func BenchmarkCall(b *testing.B) {
	srv := overWebSocket.serve(b, nil)
	srv.On("sum", func(x, y int) int { return x + y })
	url := wiretest.Serve(b, srv)
	for _, depth := range []int{1, 16} {
		b.Run(fmt.Sprint(depth), func(b *testing.B) {
			o := overWebSocket.options(srv)
			o.Engine.DialContext = nil
			c := client.New(url, o)
			defer c.Manager().Close()
			if err := c.Connect(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			var wg sync.WaitGroup
			for i := range depth {
				wg.Go(func() {
					for n := i; n < b.N; n += depth {
						if _, err := client.Call[int](b.Context(), c, "sum", n, 1); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
