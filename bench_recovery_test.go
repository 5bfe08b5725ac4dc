package socketio_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
)

// audience starts a server with clients that read everything.
func audience(b *testing.B, n int, recovery *socketio.Recovery) (*socketio.Server, []*socketio.Socket) {
	srv, url, _ := newServer(b, &socketio.Options{Recovery: recovery})
	came := make(chan *socketio.Socket, n)
	srv.OnConnect(func(s *socketio.Socket) { came <- s })
	var sockets []*socketio.Socket
	for range n {
		newRawClient(b, url).discard()
		sockets = append(sockets, <-came)
	}
	return srv, sockets
}

func withAndWithoutRecovery(b *testing.B, f func(b *testing.B, recovery *socketio.Recovery)) {
	for _, recovery := range []*socketio.Recovery{nil, {}} {
		b.Run(fmt.Sprintf("recovery=%v", recovery != nil), func(b *testing.B) { f(b, recovery) })
	}
}

// What a broadcast to many costs with the log of the recovery and without.
func BenchmarkRecoveryBroadcast(b *testing.B) {
	withAndWithoutRecovery(b, func(b *testing.B, recovery *socketio.Recovery) {
		const clients = 300
		srv, sockets := audience(b, clients, recovery)
		text := strings.Repeat("x", 128)
		b.ReportAllocs()
		for b.Loop() {
			if err := srv.Emit("news", text); err != nil {
				b.Fatal(err)
			}
			for sockets[0].Buffered()+sockets[clients-1].Buffered() > 32<<10 {
				runtime.Gosched() // the clients are to keep up
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*clients), "ns/delivery")
	})
}

// How long an event for one client takes to emit while others are broadcast to many.
func BenchmarkRecoveryLatency(b *testing.B) {
	withAndWithoutRecovery(b, func(b *testing.B, recovery *socketio.Recovery) {
		srv, sockets := audience(b, 300, recovery)
		var broadcasts sync.WaitGroup
		stop := make(chan struct{})
		broadcasts.Go(func() {
			for tick := time.NewTicker(5 * time.Millisecond); ; {
				select {
				case <-stop:
					return
				case <-tick.C:
					_ = srv.Emit("news", "for all")
				}
			}
		})
		took := make([]time.Duration, 0, b.N)
		for b.Loop() {
			begin := time.Now()
			if err := sockets[0].Emit("news", "for one"); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(begin))
			for sockets[0].Buffered() > 32<<10 {
				runtime.Gosched()
			}
		}
		close(stop)
		broadcasts.Wait()
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
		b.ReportMetric(float64(took[len(took)*999/1000].Microseconds()), "µs-p99.9")
		b.ReportMetric(float64(took[len(took)-1].Microseconds()), "µs-max")
	})
}
