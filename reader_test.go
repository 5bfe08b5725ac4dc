package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// A handler may wait for anything that its client has yet to send, whether the
// library can know that it waits or not.
func TestHandlersThatWait(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	sockets := make(chan *socketio.Socket, 1)
	io.OnConnect(func(s *socketio.Socket) { sockets <- s })
	ask := func(s *socketio.Socket) string {
		answer, err := socketio.Call[string](context.Background(), s, "question")
		if err != nil {
			return err.Error()
		}
		return answer
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	io.On("block", func() { entered <- struct{}{}; <-leave })
	io.On("ask", ask)
	io.On("let ask", func(s *socketio.Socket) string {
		answer := make(chan string)
		go func() { answer <- ask(s) }()
		return <-answer
	})
	io.On("ask all", func(ctx context.Context) (n int, err error) {
		for _, err := range io.Timeout(wiretest.Timeout).EmitWithAck(ctx, "question") {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	})
	c, _ := wiretest.Join(t, url, "websocket", "/")
	s := receive(t, sockets, "the socket")
	id := 0
	question := func(prefix string) {
		c.Expect(fmt.Sprintf(`%s%d["question"]`, prefix, id))
		c.Send(fmt.Sprintf(`43%d["yes"]`, id))
		id++
	}

	c.Send(`421["ask"]`)
	question(`42`)
	c.Expect(`431["yes"]`)
	c.Send(`422["let ask"]`)
	question(`42`)
	c.Expect(`432["yes"]`)
	c.Send(`423["ask all"]`)
	question(`42`)
	c.Expect(`433[1]`)

	// Another goroutine asks while a handler blocks, or did already.
	for _, before := range []bool{false, true} {
		answers := make(chan string, 1)
		begin := func() { go func() { answers <- ask(s) }() }
		if before {
			begin()
			c.Expect(fmt.Sprintf(`42%d["question"]`, id))
		}
		c.Send(`42["block"]`)
		receive(t, entered, "the handler")
		if !before {
			begin()
			c.Expect(fmt.Sprintf(`42%d["question"]`, id))
		}
		c.Send(fmt.Sprintf(`43%d["here"]`, id))
		id++
		if got := receive(t, answers, "the answer"); got != "here" {
			t.Errorf("answered %q", got)
		}
		leave <- struct{}{}
	}

	// Without a question, the reading continues all the same.
	c.Send(`42["block"]`)
	receive(t, entered, "the handler")
	c.Send(`41`)
	receive(t, s.Context().Done(), "the end of the socket")
	leave <- struct{}{}
}

// Namespaces do not hold each other up.
func TestHandlerBlocksItsNamespaceOnly(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, nil)
		entered, leave := make(chan struct{}), make(chan struct{})
		io.On("block", func() { entered <- struct{}{}; <-leave })
		io.Of("/other").On("echo", func(n int) int { return n })
		c, _ := wiretest.Join(t, url, transport, "/")
		c.Join("/other")
		for n := range 3 {
			c.Send(`42["block"]`)
			receive(t, entered, "the handler")
			c.Send(fmt.Sprintf(`42/other,1["echo",%d]`, n))
			c.Expect(fmt.Sprintf(`43/other,1[%d]`, n))
			leave <- struct{}{}
		}
	})
}

// Shutdown waits for handlers, whichever goroutine runs them.
func TestShutdownWaitsForReaders(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	entered, leave := make(chan struct{}), make(chan struct{})
	io.On("block", func() { entered <- struct{}{}; <-leave })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`42["block"]`)
	receive(t, entered, "the handler")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := io.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "handlers still run") {
		t.Errorf("Shutdown returned %v while a handler ran", err)
	}
	close(leave)
	if err := io.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}
