package client_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// The functions of OnPing and OnUpgrade are called between those of OnOpen and OnClose,
// also for what happens before the connection is reported as open, or after its end.
func TestHooksOfAConnectionBetweenItsEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := nothing()
		o.NoReconnect = true
		m := client.NewManager("http://example.test", o)
		defer m.Close()
		var called list[string]
		m.OnOpen(func() { called.add("open") })
		m.OnClose(func(client.Reason, error) { called.add("close") })
		m.OnPing(func() { called.add("ping") })
		m.OnUpgrade(func(engine.Transport) { called.add("upgrade") })
		go func() { _ = m.Connect(t.Context()) }()
		synctest.Wait()
		m.OpenAfter()
		synctest.Wait()
		if got, want := called.get(), []string{"open", "ping", "upgrade", "ping", "close"}; !slices.Equal(got, want) {
			t.Errorf("called %q, want %q", got, want)
		}
	})
}
