package socketio_test

import (
	"testing"

	"github.com/seed96b07ef8/socketio"
)

// What a connection holds while a client leaves and joins namespaces is not held longer.
func TestConnExtraIsReleased(t *testing.T) {
	t.Parallel()
	srv, url, _ := newServer(t, nil)
	connected := make(chan *socketio.Socket, 1)
	srv.OnConnect(func(s *socketio.Socket) { connected <- s })
	c := newRawClient(t, url)
	s := receive(t, connected, "the socket")
	if socketio.HasExtra(s) {
		t.Error("a client that has just connected has the memory")
	}

	s.Disconnect() // which the client may not know
	if !socketio.HasExtra(s) {
		t.Error("the connection does not know that the client was taken out of the namespace")
	}
	c.skip([]byte("41"))
	rejoin := func() *socketio.Socket {
		t.Helper()
		c.write(maskedText("40"))
		c.skip([]byte("}"))
		s := receive(t, connected, "the socket")
		waitFor(t, "the release of the memory", func() bool { return !socketio.HasExtra(s) })
		return s
	}
	rejoin()
	c.write(maskedText("41"))
	rejoin()
}
