package memorybus_test

import (
	"context"
	"fmt"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter/cluster/memorybus"
)

// Two servers that form a cluster, as a test has them.
func Example() {
	bus := memorybus.New(nil)
	a := socketio.NewServer(&socketio.Options{Adapter: bus.Provider(nil)})
	b := socketio.NewServer(&socketio.Options{Adapter: bus.Provider(nil)})

	done := make(chan struct{})
	b.OnServerEvent("reload", func(what string) {
		fmt.Println("reloading", what)
		close(done)
	})
	if err := a.ServerSideEmit("reload", "prices"); err != nil {
		fmt.Println(err)
	}
	<-done

	for _, s := range []*socketio.Server{a, b} {
		if err := s.Shutdown(context.Background()); err != nil {
			fmt.Println(err)
		}
	}
	// Output: reloading prices
}
