package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
)

// A gate blocks the first write until it is opened.
type gate struct {
	blocked chan bool // gets a value then
	opened  chan bool
	once    sync.Once
}

func newGate() *gate { return &gate{blocked: make(chan bool, 1), opened: make(chan bool)} }

func (g *gate) Write(b []byte) (int, error) {
	g.once.Do(func() {
		g.blocked <- true
		<-g.opened
	})
	return len(b), nil
}

type messages func(string)

func (h messages) OnMessage(_ *engine.Conn, data []byte, _ bool) { h(string(data)) }
func (h messages) OnClose(*engine.Conn, engine.Reason, error)    {}

// An acknowledgement is never sent over a later connection than that of its event:
// there its ID belongs to another event.
func TestAutoAckKeepsToTheConnection(t *testing.T) {
	t.Parallel()
	conns := make(chan *engine.Conn, 5)
	acks := make(chan string, 20)
	number := 0 // of the connection
	say := func(c *engine.Conn, packets ...string) {
		for _, p := range packets {
			_ = c.Send(engine.NewTextMessage([]byte(p)), 0)
		}
	}
	e, err := engine.NewServer(&engine.ServerOptions{Logger: slog.New(slog.DiscardHandler), OnConnect: func(c *engine.Conn) engine.Handler {
		number++
		first := number == 1
		conns <- c
		return messages(func(m string) {
			switch {
			case m == "0" && first:
				say(c, `0{"sid":"s"}`, `21["q"]`, `22["q"]`, `23["q"]`)
			case m == "0":
				say(c, `0{"sid":"s"}`, `24["q"]`)
			case strings.HasPrefix(m, "3"):
				acks <- fmt.Sprint(first, " ", m)
			}
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(e)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan bool)
	t.Cleanup(func() {
		cancel()
		<-done
		_ = e.Shutdown(context.Background())
		srv.Close()
	})
	out := newGate()
	o := &settings{eio: 4, path: "/socket.io/", timeout: 30 * time.Second, transports: []string{"websocket"}}
	go func() {
		defer close(done)
		_ = listen(ctx, stdio{out: out, err: io.Discard}, o, listenSettings{autoAck: true}, srv.URL)
	}()
	receive := func(c <-chan string) string {
		select {
		case s := <-c:
			return s
		case <-time.After(30 * time.Second):
			t.Fatal("no acknowledgement within 30 s")
			return ""
		}
	}
	first := <-conns
	<-out.blocked
	if ack := receive(acks); ack != "true 31[]" {
		t.Errorf("the first acknowledgement is %q", ack)
	}
	first.Close()
	<-conns // so the client does not have the first connection any more
	close(out.opened)
	if ack := receive(acks); ack != "false 34[]" {
		t.Errorf("the second connection got %q", ack)
	}
}

// What is printed for programs is exact, beside binary data, too.
func TestExactNumbersBesideBinary(t *testing.T) {
	t.Parallel()
	url := goServer(t, nil, func(s *socketio.Server) {
		s.OnConnect(func(s *socketio.Socket) {
			_ = s.Emit("e", map[string]any{"id": int64(1<<53 + 1), "data": []byte{1}, "list": []any{int64(1<<53 + 3), []byte{2}, "x", nil, true, 1.5}}, int64(1<<53+1))
		})
	})
	const want = `[{"data":{"$binary":"AQ=="},"id":9007199254740993,"list":[9007199254740995,{"$binary":"Ag=="},"x",null,true,1.5]},9007199254740993]`
	r := run1(t, "listen", url, "--count", "1")
	if got := lines(t, r.out); len(got) != 1 || string(got[0].Args) != want {
		t.Errorf("printed %s, want %s", r.out, want)
	}
}
