package client_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// A server passes on the largest events that it accepts, with something around them. The
// others of its clients take them: otherwise one could end the connections of all.
func TestRelayedEvents(t *testing.T) {
	t.Parallel()
	limits := parser.Limits{}.WithDefaults()
	deep := json.RawMessage(strings.Repeat("[", limits.MaxDepth-1) + strings.Repeat("]", limits.MaxDepth-1))
	name := strings.Repeat("n", limits.MaxEventName)
	transports(t, parser.JSON, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		srv.OnAny(func(s *socketio.Socket, event string, args socketio.Args) {
			if err := s.Broadcast().Emit("from "+event, s.ID(), []any{args}, args); err != nil {
				t.Errorf("passing an event on: %v", err)
			}
		})
		c := way.client(t, srv, "/", nil)
		lost := make(chan error, 1)
		c.OnDisconnect(func(_ client.Reason, err error) { lost <- err })
		passed := make(chan int, 1)
		for _, event := range []string{"args", name} {
			c.On("from "+event, func(args socketio.Args) { passed <- args.Len() })
		}
		connect(t, c)
		other := socketiotest.Connect(t, srv, nil)
		for _, test := range []struct {
			event string
			args  []any
		}{
			{"args", make([]any, limits.MaxArguments)},
			{"args", []any{deep}},
			{name, nil},
		} {
			other.Emit(test.event, test.args...)
			select {
			case n := <-passed:
				if want := len(test.args) + 2; n != want {
					t.Errorf("got %d arguments, want %d", n, want)
				}
			case err := <-lost:
				t.Fatalf("an event with %d arguments and a name of %d bytes ended the connection: %v", len(test.args), len(test.event), err)
			case <-time.After(socketiotest.DefaultTimeout):
				t.Fatalf("an event with %d arguments and a name of %d bytes did not arrive within %v", len(test.args), len(test.event), socketiotest.DefaultTimeout)
			}
		}
	})
}
