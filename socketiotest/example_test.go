package socketiotest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// newChat is the program under test.
func newChat() *socketio.Server {
	io := socketio.NewServer(nil)
	io.Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Name string }
		if err := s.Handshake().DecodeAuth(&auth); err != nil || auth.Name == "" {
			return errors.New("who are you?")
		}
		s.SetData(auth.Name)
		return nil
	})
	io.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
	io.On("say", func(s *socketio.Socket, room, text string) error {
		name, _ := socketio.Data[string](s)
		return s.To(room).Emit("said", name, text)
	})
	return io
}

// exampleTB stands for the *testing.T of a real test.
type exampleTB struct{ cleanups []func() }

func (t *exampleTB) Helper()                           {}
func (t *exampleTB) Cleanup(f func())                  { t.cleanups = append([]func(){f}, t.cleanups...) }
func (t *exampleTB) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (t *exampleTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (t *exampleTB) done() {
	for _, f := range t.cleanups {
		f()
	}
}

// A test of two clients.
func Example() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()

	io := socketiotest.Serve(t, newChat(), nil)
	ann := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Auth: map[string]string{"name": "Ann"}})
	bob := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Auth: map[string]string{"name": "Bob"}})
	bob.Call("join", "tea") // and wait until he is in the room
	ann.Emit("say", "tea", "Hello!")
	fmt.Println(bob.Expect("said", "Ann", "Hello!"))
	// Output: "said" ["Ann", "Hello!"]
}

// A client that the server refuses.
func ExampleExpectConnectError() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()

	io := socketiotest.Serve(t, newChat(), nil)
	err := socketiotest.ExpectConnectError(t, io, nil)
	fmt.Println(err.Message)
	// Output: who are you?
}

// The server emits an event and the client acknowledges it.
func ExampleEvent_Ack() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()

	io := socketiotest.NewServer(t, nil)
	io.On("delete", func(ctx context.Context, s *socketio.Socket) (string, error) {
		sure, err := socketio.Call[bool](ctx, s, "sure?")
		if sure {
			return "deleted", err
		}
		return "kept", err
	})

	c := socketiotest.Connect(t, io, nil)
	result := make(chan string)
	go func() {
		answer, err := socketio.Call[string](context.Background(), c, "delete")
		result <- fmt.Sprint(answer, err)
	}()
	c.Expect("sure?").Ack(false)
	fmt.Println(<-result)
	// Output: kept<nil>
}

// TestTimeout tests something that takes a minute and a half.
func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		io := socketiotest.NewServer(t, nil)
		io.OnConnect(func(s *socketio.Socket) {
			timer := time.AfterFunc(90*time.Second, s.DisconnectConn)
			s.OnDisconnect(func(socketio.Reason) { timer.Stop() })
		})
		c := socketiotest.Connect(t, io, nil)
		time.Sleep(89 * time.Second)
		synctest.Wait()
		if e, ok := c.TryNext(); ok {
			t.Errorf("received %v", e)
		}
		c.ExpectDisconnect(socketiotest.ServerDisconnect)
	})
}
