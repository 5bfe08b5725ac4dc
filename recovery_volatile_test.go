package socketio_test

import (
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// A client takes the last argument of an event for an offset if it is a string. An
// event that has no offset does not end with one.
func TestVolatileEventsHaveNothingLikeAnOffset(t *testing.T) {
	t.Parallel()
	io, url, came, _ := newRecoveringServer(t, socketio.Recovery{})
	c := wiretest.Dial(t, url, "websocket")
	c.Send(`40`)
	c.Read()
	s := receive(t, came, "the socket")
	for _, emit := range []func(args ...any) error{
		func(args ...any) error { return s.Volatile().Emit("e", args...) },
		func(args ...any) error { return io.Volatile().Emit("e", args...) },
	} {
		for _, test := range []struct {
			args []any
			want string
		}{
			{[]any{"bob"}, `42["e","bob",null]`},
			{[]any{"bob", 1}, `42["e","bob",1]`},
			{[]any{[]string{"bob"}}, `42["e",["bob"]]`},
			{nil, `42["e",null]`}, // socket.io-client would take "e" for the last argument
		} {
			if err := emit(test.args...); err != nil {
				t.Fatal(err)
			}
			c.Expect(test.want)
		}
	}

	// Without recovery there are no offsets.
	io, url, _ = newServer(t, nil)
	c = wiretest.Dial(t, url, "websocket")
	c.Send(`40`)
	c.Read()
	if err := io.Volatile().Emit("e", "bob"); err != nil {
		t.Fatal(err)
	}
	c.Expect(`42["e","bob"]`)
}
