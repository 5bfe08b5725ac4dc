package goclient

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/internal/nodepeer"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// What a client has emitted just before it leaves arrives, and the server knows that
// the client has left, and was not lost.
func TestEmitAndLeave(t *testing.T) {
	ways := map[string]func(s *client.Socket){
		"Disconnect":    (*client.Socket).Disconnect,
		"Manager.Close": func(s *client.Socket) { s.Manager().Close() },
		"shared": func(s *client.Socket) {
			s.Disconnect() // the other socket keeps the connection
		},
		"Shutdown": func(s *client.Socket) {
			ctx, cancel := context.WithTimeout(context.Background(), nodepeer.Patience)
			defer cancel()
			_ = s.Shutdown(ctx)
		},
	}
	for how, leave := range ways {
		t.Run(how, func(t *testing.T) {
			each(t, func(t *testing.T, w way) {
				const rounds, events = 20, 3
				srv := w.serve(t, peer.Config{})
				watcher := w.dial(t, srv.URL(), nil)
				for i := range rounds {
					c := w.client(t, srv.URL()+"/chat", nil)
					if how == "shared" {
						connect(t, c.Manager().Socket("/news", nil))
					}
					connect(t, c) // the upgrade may come at any time
					for j := range events {
						emit(t, c, "item", i*events+j)
					}
					leave(c)
					var left []string // namespace, ID, reason
					if err := json.Unmarshal(srv.Expect("disconnect"), &left); err != nil {
						t.Fatal(err)
					}
					if want := "client namespace disconnect"; w.isNode() && left[2] != want {
						t.Errorf("the server knows of %q, want %q", left[2], want)
					}
				}
				items := call[[]int](t, watcher, "items")
				slices.Sort(items)
				same(t, "the items", items, numbers(0, rounds*events))
			})
		})
	}
}
