package socketio_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// The ways in which an application's function may not return.
var notReturning = map[string]func(){
	"panics": func() { panic("in the application") },
	"exits":  runtime.Goexit,
}

// unencodable is a value whose encoding does not return.
type unencodable struct{ fail func() }

func (u unencodable) MarshalJSON() ([]byte, error) {
	u.fail()
	return nil, nil
}

// joinedSocket returns a client in the main namespace, and its socket.
func joinedSocket(t *testing.T, io *socketio.Server, url string) (*wiretest.Client, *socketio.Socket) {
	t.Helper()
	c, id := wiretest.Join(t, url, "websocket", "/")
	var s *socketio.Socket
	waitFor(t, "the socket", func() bool { s = io.Socket(id); return s != nil })
	return c, s
}

// An acknowledgement is not waited for when the question could not be asked.
func TestAskingThatDoesNotReturn(t *testing.T) {
	for how, fail := range notReturning {
		t.Run(how, func(t *testing.T) {
			io, url, _ := newServer(t, &socketio.Options{MaxPendingAcks: 2})
			c, s := joinedSocket(t, io, url)
			for range 3 {
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer func() { _ = recover() }()
					_, _ = s.EmitWithAck(context.Background(), "question", unencodable{fail})
				}()
				receive(t, done, "the end of EmitWithAck")
			}
			if n := io.Stats().PendingAcks; n != 0 {
				t.Errorf("%d acknowledgements are waited for", n)
			}
			go func() { c.Send(`43` + ackID(t, c.Read(), `["question"]`) + `[]`) }()
			if _, err := s.EmitWithAck(t.Context(), "question"); err != nil {
				t.Error(err)
			}
		})
	}
}
