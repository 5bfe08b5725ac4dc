package client_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/client"
)

// Disconnect drops the events that are not handled yet, over whichever connection
// they have come; later ones are handled.
func TestDisconnectDropsEvents(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ lose, reconnect, closes bool }{
		"connected":                  {},
		"lost":                       {lose: true},
		"lost and connected again":   {lose: true, reconnect: true},
		"closed":                     {closes: true},
		"lost and closed":            {lose: true, closes: true},
		"connected again and closed": {lose: true, reconnect: true, closes: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, c := bubble(t, nil, func(o *client.Options) { o.NoReconnect = !test.reconnect })
				var got list[int]
				hold := make(chan bool)
				c.On("n", func(i int) {
					got.add(i)
					<-hold
				})
				connect(t, c)
				synctest.Wait()
				emit := func(from int) {
					for i := range 3 {
						if err := srv.Socket(c.ID()).Emit("n", from+i); err != nil {
							t.Fatal(err)
						}
					}
					synctest.Wait()
				}
				emit(1)
				if test.lose {
					srv.Socket(c.ID()).Conn().Close()
					time.Sleep(2 * time.Second)
				}
				if test.reconnect {
					emit(11)
				}
				if test.closes {
					c.Manager().Close()
				} else {
					c.Disconnect()
				}
				close(hold)
				synctest.Wait()
				if all := got.get(); !slices.Equal(all, []int{1}) {
					t.Errorf("handled %v", all)
				}
				if test.closes {
					return
				}
				connect(t, c)
				synctest.Wait()
				emit(21)
				if all := got.get(); !slices.Equal(all, []int{1, 21, 22, 23}) {
					t.Errorf("handled %v after the socket has connected again", all)
				}
			})
		})
	}
}
