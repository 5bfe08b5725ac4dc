package client_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// EmitWithAck of a volatile event returns at once while the socket is not connected, with
// an error that says so and matches ErrDropped.
func TestVolatileDroppedWithoutConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, nil) // admits no socket by itself
		c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.ReconnectDelay = 0 })
		dropped := func(when, why string) {
			t.Helper()
			_, err := c.Volatile().EmitWithAck(t.Context(), "e")
			want := `client: event "e" of /: volatile event dropped: ` + why
			if err == nil || err.Error() != want {
				t.Errorf("%s: EmitWithAck: %v, want %s", when, err, want)
			}
			if !errors.Is(err, client.ErrDropped) {
				t.Errorf("%s: EmitWithAck: %v, want an error that matches ErrDropped", when, err)
			}
			errorAs[*client.DisconnectError](t, err)
			if err := c.Volatile().Emit("e"); err != nil {
				t.Errorf("%s: Emit: %v, want no error", when, err)
			}
		}
		const inactive, joining = "socket is not connected: call Connect or Open", "socket is not connected yet"
		dropped("before Open", inactive)
		open := func() *engine.Conn {
			if err := c.Open(); err != nil {
				t.Fatal(err)
			}
			dropped("after Open", joining)
			conn := <-f.conns
			synctest.Wait()
			dropped("while the server has not admitted the socket", joining)
			return conn
		}
		conn := open()
		say(conn, granted)
		synctest.Wait()
		conn.Close()
		synctest.Wait()
		dropped("after the connection was lost", joining)
		c.Disconnect()
		dropped("after Disconnect", "socket disconnected: io client disconnect")
		open()
	})
}
