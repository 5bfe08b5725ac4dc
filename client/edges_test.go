package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/client"
)

// A caller who gives up in the moment in which its event is dropped takes no other event
// with it.
func TestGivingUpWhatIsDropped(t *testing.T) {
	for name, end := range map[string]func(c *client.Socket){
		"Disconnect": func(c *client.Socket) { c.Disconnect() },
		"Close":      func(c *client.Socket) { c.Manager().Close() },
	} {
		for _, retries := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s/retries %d", name, retries), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					for range 20 { // which of the two comes first is left to chance
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
