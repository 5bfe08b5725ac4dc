package client_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// Each handler of an event has data of its own: what one of them does to it is not seen
// by the next, nor in the arguments that a function of OnAny has kept.
func TestHandlersShareNoData(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := overWebSocket.client(t, srv, "/", nil)
	want := bytes.Repeat([]byte{1, 2, 3}, 100)
	second, kept := make(chan []byte, 1), make(chan client.Args, 1)
	c.On("two handlers", func(b []byte) { clear(b) })
	c.On("two handlers", func(b []byte) { second <- b })
	connect(t, c)
	if err := srv.Emit("two handlers", want); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, second, "the second handler"); !bytes.Equal(got, want) {
		t.Errorf("the second handler got % .3x..., want % .3x...", got, want)
	}

	done := make(chan bool, 1)
	c.OnAny(func(_ string, args client.Args) { kept <- args })
	c.On("one handler", func(b []byte) { clear(b); done <- true })
	if err := srv.Emit("one handler", want); err != nil {
		t.Fatal(err)
	}
	receive(t, done, "the handler")
	var got []byte
	if err := receive(t, kept, "OnAny").DecodeAt(0, &got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("OnAny has kept % .3x..., %v, want % .3x...", got, err, want)
	}
}

// Events that come before the socket is let in wait for that only while the inbox has
// room for their bytes. Beyond, they are handled, in order.
func TestBytesOfEventsBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		text := strings.Repeat("x", 1000)
		f := newFake(t, nil)
		c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.InboxBytes = 10 * len(text) })
		var got list[string]
		c.On("e", func(name, _ string) { got.add(name) })
		c.OnConnect(func() { got.add("connected") })
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		conn := <-f.conns
		synctest.Wait()
		event := func(name string) string { return `2["e","` + name + `","` + text + `"]` }
		say(conn, event("first"))
		synctest.Wait()
		if all := got.get(); len(all) > 0 {
			t.Errorf("handled %q before the socket was let in, want none", all)
		}
		for range 10 {
			say(conn, event("later"))
		}
		synctest.Wait()
		if all := got.get(); len(all) < 2 || all[0] != "first" || len(all) > 11 {
			t.Errorf("handled %q, want the first event and some of the later", all)
		}
		say(conn, granted)
		synctest.Wait()
		if all := got.get(); len(all) != 12 || all[11] != "connected" {
			t.Errorf("handled %q, want eleven events and the connection", all)
		}
	})
}

// An argument of an event that wants an acknowledgement is not an offset (Socket.IO
// protocol v5, "Connection state recovery"), whatever it is like.
func TestOffsetOfAQuestion(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(c *engine.Conn, message string) {
		if message == "0" {
			say(c, `0{"sid":"s","pid":"p"}`, `2["e","Q7uWzas"]`, `21["e","Q7uWzb0"]`, `2["last"]`)
		}
	})
	c := overWebSocket.client(t, f.Server, "/", nil)
	last := make(chan bool, 1)
	c.On("last", func() { last <- true })
	connect(t, c)
	receive(t, last, "the events")
	if _, got := c.Session(); got != "Q7uWzas" {
		t.Errorf("the offset is %q, want that of the event before the question, %q", got, "Q7uWzas")
	}
}
