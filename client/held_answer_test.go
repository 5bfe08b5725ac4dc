package client_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// An acknowledgement has room of its own: the server waits for it, whatever the client has
// emitted before and whatever happens to events when the outbox is full. When the
// acknowledgements alone exceed the limits of the outbox, OnError is called.
func TestAnswersHaveRoom(t *testing.T) {
	t.Parallel()
	for _, policy := range []engine.Overflow{engine.Refuse, engine.DropNewest, engine.DropOldest} {
		t.Run(fmt.Sprint("policy ", policy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const room = 4
				f := newFake(t, func(c *engine.Conn, message string) {
					if message == "0" {
						say(c, granted)
					}
				})
				o := overWebSocket.options(f.Server)
				o.Engine.OutboxMessages, o.Engine.Overflow = room, policy
				c := client.New(f.URL, o)
				end(t, c.Manager())
				c.On("question", func(i int) int { return i })
				var failed list[error]
				c.OnError(func(err error) { failed.add(err) })
				connect(t, c)
				synctest.Wait()
				e := c.Manager().Engine()
				e.Cork() // as a network that takes nothing
				for i := range room {
					if err := c.Emit("before", i); err != nil {
						t.Fatal(err)
					}
				}
				conn := <-f.conns
				for i := range room + 1 {
					say(conn, fmt.Sprintf(`2%d["question",%d]`, i, i))
					synctest.Wait()
				}
				for i := range room {
					_ = c.Emit("behind", i) // refused, dropped, or instead of an older one
				}
				e.Uncork()
				synctest.Wait()
				<-f.received // the request to join
				answers := 0
				for len(f.received) > 0 {
					if m := <-f.received; m == fmt.Sprintf(`3%d[%d]`, answers, answers) {
						answers++
					}
				}
				if answers != room {
					t.Errorf("the server got %d answers, want %d", answers, room)
				}
				errs := failed.get()
				if len(errs) != 1 {
					t.Fatalf("OnError was called with %v, want one error", errs)
				}
				limit, event := errorAs[*client.LimitError](t, errs[0]), errorAs[*client.EventError](t, errs[0])
				if limit.Option != "Engine.OutboxMessages" || limit.Max != room || event.Event != "question" || !errors.Is(limit, engine.ErrOutboxFull) {
					t.Errorf("OnError was called with %v, want one about %d messages", errs[0], room)
				}
			})
		})
	}
}

// Nor do answers take more memory than that while the server, which has sent the
// questions before it lets the socket in, puts that off.
func TestAnswersBeforeJoiningAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const questions, answer, room = 20, 1000, 5
		f := newFake(t, func(c *engine.Conn, message string) {
			if message == "0" {
				for i := range questions {
					say(c, fmt.Sprintf(`2%d["question"]`, i))
				}
				time.AfterFunc(time.Second, func() { say(c, granted) })
			}
		})
		c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) {
			o.InboxBytes = 1 // handles the questions at once
			o.Engine.OutboxBytes = (answer + 20) * room
		})
		c.On("question", func() string { return strings.Repeat("x", answer) })
		var failed list[error]
		c.OnError(func(err error) { failed.add(err) })
		connect(t, c)
		synctest.Wait()
		errs := failed.get()
		if n := questions - len(errs); n < room || n > room+2 { // one may wait in the inbox
			t.Fatalf("%d answers were kept, want %d: OnError was called with %v", n, room, errs)
		}
		if limit := errorAs[*client.LimitError](t, errs[0]); limit.Option != "Engine.OutboxBytes" || !errors.Is(limit, engine.ErrOutboxFull) {
			t.Errorf("OnError was called with %v, want one about Engine.OutboxBytes", errs[0])
		}
		answers := 0
		for len(f.received) > 0 {
			if strings.HasPrefix(<-f.received, "3") {
				answers++
			}
		}
		if n := questions - len(errs); answers != n {
			t.Errorf("the server got %d answers, want the %d that were kept", answers, n)
		}
	})
}

// An answer that the server does not accept is reported also if it was held.
func TestHeldAnswerTooLarge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, func(c *engine.Conn, message string) {
			if message == "0" {
				for i := range 3 {
					say(c, fmt.Sprintf(`2%d["question"]`, i))
				}
				time.AfterFunc(time.Second, func() { say(c, granted) })
			}
		})
		c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) {
			o.InboxBytes = 1 // handles the questions at once
		})
		var calls int
		c.On("question", func() string {
			if calls++; calls == 1 {
				return strings.Repeat("x", engine.DefaultMaxPayload)
			}
			return ""
		})
		var failed list[error]
		c.OnError(func(err error) { failed.add(err) })
		connect(t, c)
		synctest.Wait()
		errs := failed.get()
		if len(errs) != 1 {
			t.Fatalf("OnError was called with %v, want one error", errs)
		}
		if text := errs[0].Error(); !strings.HasPrefix(text, "client: answering an event of /: ") {
			t.Errorf("OnError was called with %q, want that it names what failed", text)
		}
		errorAs[*engine.TooLargeError](t, errs[0])
	})
}
