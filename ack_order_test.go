package socketio_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// ask has a goroutine ask the client, and returns the question's ID, and a channel for
// the outcome.
func ask(t *testing.T, c *wiretest.Client, s *socketio.Socket) (id string, answered chan error) {
	t.Helper()
	waitFor(t, "the handlers", func() bool { return socketio.Idle(s) }) // none of them is to be the one that asks
	answered = make(chan error, 1)
	go func() {
		_, err := s.Timeout(wiretest.Timeout).EmitWithAck(context.Background(), "question")
		answered <- err
	}()
	return ackID(t, c.Read(), `["question"]`), answered
}

// An acknowledgement is not delivered before the events that the client has sent in
// front of it have been handled.
func TestAcknowledgementsKeepTheirPlace(t *testing.T) {
	defer socketio.SetAckPatience(time.Hour)()
	transports(t, func(t *testing.T, transport string) {
		io, url, _ := newServer(t, nil)
		entered, release := make(chan struct{}), make(chan struct{})
		var mu sync.Mutex
		var handled []string
		io.On("slow", func() {
			entered <- struct{}{}
			<-release
		})
		io.On("e", func(n int) {
			mu.Lock()
			defer mu.Unlock()
			handled = append(handled, fmt.Sprint(n))
		})
		c, id := wiretest.Join(t, url, transport, "/")
		waitFor(t, "the socket", func() bool { return io.Socket(id) != nil })
		s := io.Socket(id)
		ack, answered := ask(t, c, s)
		other, otherAnswered := ask(t, c, s)
		c.Send(`42["slow"]`, `42["e",1]`, `43`+ack+`[]`, `42["e",2]`)
		receive(t, entered, "the handler")
		c.Send(`42["e",3]`, `43`+other+`[]`, `42["slow"]`, `42["e",4]`)
		waitFor(t, "the answers", func() bool { return socketio.HeldAcks(s) == 2 })
		if len(answered) > 0 {
			t.Error("an answer has overtaken an event that is being handled")
		}
		release <- struct{}{}
		receive(t, entered, "the second handler")
		for _, a := range []chan error{answered, otherAnswered} {
			if err := receive(t, a, "the answer"); err != nil {
				t.Error(err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if want := []string{"1", "2", "3"}; !slices.Equal(handled, want) {
			t.Errorf("handled before the second slow one: %q, want %q", handled, want)
		}
		release <- struct{}{}
	})
}

// A handler gets the answer to what it asks at once, whatever the client has sent in
// front of it; when it has returned, the answer keeps its place.
func TestHandlerThatAsksIsAnswered(t *testing.T) {
	defer socketio.SetAckPatience(time.Hour)()
	io, url, _ := newServer(t, nil)
	io.On("ask", func(ctx context.Context, s *socketio.Socket) error {
		_, err := s.Timeout(wiretest.Timeout).EmitWithAck(ctx, "question")
		return err
	})
	answered := make(chan string, 2)
	io.On("ask later", func(s *socketio.Socket) {
		go func() {
			_, err := s.Timeout(wiretest.Timeout).EmitWithAck(context.Background(), "question")
			answered <- fmt.Sprint("answer ", err)
		}()
	})
	entered, release := make(chan struct{}), make(chan struct{})
	io.On("e", func() {})
	io.On("slow", func() {
		close(entered)
		<-release
		answered <- "event"
	})
	c, s := joinedSocket(t, io, url)
	c.Send(`421["ask"]`)
	id := ackID(t, c.Read(), `["question"]`)
	c.Send(`42["e"]`, `43`+id+`[]`)
	c.Expect(`431[]`)

	c.Send(`42["ask later"]`)
	id = ackID(t, c.Read(), `["question"]`)
	waitFor(t, "the handler that asked to return", func() bool { return socketio.Idle(s) })
	c.Send(`42["slow"]`, `43`+id+`[]`)
	receive(t, entered, "the handler")
	waitFor(t, "the answer", func() bool { return socketio.HeldAcks(s) == 1 })
	close(release)
	for _, want := range []string{"event", "answer <nil>"} {
		if got := receive(t, answered, want); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A handler may wait for a goroutine that waits for an acknowledgement, although that
// follows the handler's event.
func TestHandlerMayWaitForAnswersOfOthers(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	var answered chan error
	result := make(chan error, 1)
	io.On("wait", func() { result <- <-answered })
	c, s := joinedSocket(t, io, url)
	var id string
	id, answered = ask(t, c, s)
	c.Send(`42["wait"]`, `43`+id+`[]`, `42["wait"]`)
	if err := receive(t, result, "the handler"); err != nil {
		t.Error(err)
	}
	answered <- nil // for the second
}

// An acknowledgement that is held is delivered when the handler before it ends its
// goroutine, or the socket ends.
func TestHeldAcknowledgementIsDelivered(t *testing.T) {
	defer socketio.SetAckPatience(time.Hour)()
	for name, last := range map[string]string{"the handler exits": ``, "the client leaves": `41`, "the connection ends": `close`} {
		t.Run(name, func(t *testing.T) {
			io, url, _ := newServer(t, nil)
			entered, release := make(chan struct{}), make(chan struct{})
			io.On("exit", func() {
				close(entered)
				<-release
				runtime.Goexit()
			})
			c, s := joinedSocket(t, io, url)
			id, answered := ask(t, c, s)
			c.Send(`42["exit"]`, `43`+id+`[]`)
			receive(t, entered, "the handler")
			waitFor(t, "the answer", func() bool { return socketio.HeldAcks(s) == 1 })
			switch last {
			case `41`:
				c.Send(last)
			case `close`:
				c.Close()
			}
			if last != "" {
				waitFor(t, "the end", func() bool { return !s.Connected() })
			}
			close(release)
			if err := receive(t, answered, "the answer"); err != nil {
				t.Error(err)
			}
			if n := socketio.HeldBytes(s); last == "" && n != 0 {
				waitFor(t, "the memory to be given back", func() bool { return socketio.HeldBytes(s) == 0 })
			}
		})
	}
}

// As many acknowledgements are held as events may wait; others are not.
func TestHeldAcknowledgementsAreBounded(t *testing.T) {
	defer socketio.SetAckPatience(time.Hour)()
	io, url, _ := newServer(t, &socketio.Options{InboxEvents: 2})
	entered, release := make(chan struct{}), make(chan struct{})
	io.On("slow", func() {
		close(entered)
		<-release
	})
	c, s := joinedSocket(t, io, url)
	answers := make(map[string]chan error)
	for range 3 {
		id, answered := ask(t, c, s)
		answers[id] = answered
	}
	c.Send(`42["slow"]`)
	receive(t, entered, "the handler")
	var last string
	for id := range answers {
		c.Send(`43` + id + `[]`)
		last = id
	}
	if err := receive(t, answers[last], "the third answer"); err != nil {
		t.Error(err)
	}
	if n := socketio.HeldAcks(s); n != 2 {
		t.Errorf("%d are held", n)
	}
	close(release)
	delete(answers, last)
	for _, a := range answers {
		if err := receive(t, a, "an answer"); err != nil {
			t.Error(err)
		}
	}
}
