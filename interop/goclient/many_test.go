package goclient

import (
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// Two hundred clients at once, over all transports: each asks, gets its answer, and leaves.
func TestMany(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"node", "python"} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			const n = 200
			srv := way{server, ""}.serve(t, peer.Config{})
			clients := make([]*client.Socket, n)
			told := make(chan int, 10*n)
			for i := range clients {
				w := way{server, transports[i%len(transports)]}
				clients[i] = w.client(t, srv.URL(), nil)
				clients[i].On("all", func(j int) { told <- j })
			}
			ctx := within(t)
			var wg sync.WaitGroup
			for i, c := range clients {
				wg.Go(func() {
					if err := c.Connect(ctx); err != nil {
						t.Error(err)
						return
					}
					for j := range 3 {
						if got, err := client.Call[int](ctx, c, "ask", i*j); err != nil || got != i*j {
							t.Errorf("%d, %v", got, err)
						}
					}
				})
			}
			wg.Wait()
			for j := range 3 {
				srv.Run(map[string]string{
					"node":   `io.emit("all", args[0]); return`,
					"python": `await sio.emit("all", args[0])`,
				}[server], j)
			}
			sum := 0
			for range 3 * n {
				sum += receive(t, told, "a broadcast")
			}
			same(t, "the sum", sum, 3*n)
			for _, c := range clients {
				c.Disconnect()
			}
			count := map[string]string{"node": `io.of("/").sockets.size + io.engine.clientsCount`, "python": `len(sio.environ)`}[server]
			await.Until(t, "the server is alone", func() bool { return string(srv.Run(count)) == "0" })
		})
	}
}
