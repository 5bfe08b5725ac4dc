package event_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/event"
)

// An event is declared once, for all who send or handle it.
func Example() {
	type Message struct {
		Room string `json:"room"`
		Text string `json:"text"`
	}
	ChatMessage := event.New[Message]("chat message")

	srv := socketio.NewServer(nil)
	srv.OnConnect(func(s *socketio.Socket) { _ = s.Join("general") })
	event.On(srv, ChatMessage, func(ctx context.Context, s *socketio.Socket, m Message) error {
		m.Text = strings.ToUpper(m.Text)
		return ChatMessage.Emit(srv.To(m.Room), m)
	})

	page := visit(srv)
	defer page.leave()
	page.send(`42["chat message",{"room":"general","text":"hello"}]`)
	fmt.Println(page.receive())
	// Output: 42["chat message",{"room":"general","text":"HELLO"}]
}

// The fields of the request are the arguments of the event, what the handler
// returns is its acknowledgement.
func ExampleNewCall() {
	type SumArgs struct{ A, B int }
	Sum := event.NewCall[SumArgs, int]("sum")

	srv := socketio.NewServer(nil)
	event.Answer(srv, Sum, func(ctx context.Context, s *socketio.Socket, args SumArgs) (int, error) {
		return args.A + args.B, nil
	})

	page := visit(srv)
	defer page.leave()
	page.send(`427["sum",1,2]`) // socket.emit("sum", 1, 2, callback)
	fmt.Println(page.receive())
	// Output: 437[3]
}

// The server asks a client.
func ExampleCall_Call() {
	Confirm := event.NewCall[string, bool]("confirm")

	srv := socketio.NewServer(nil)
	event.On(srv, event.New[event.None]("delete"), func(ctx context.Context, s *socketio.Socket, _ event.None) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		sure, err := Confirm.Call(ctx, s, "Really?")
		if err != nil {
			return err
		}
		return s.Emit("deleted", sure)
	})

	page := visit(srv)
	defer page.leave()
	page.send(`42["delete"]`)
	fmt.Println(page.receive())
	page.send(`430[true]`)
	fmt.Println(page.receive())
	// Output:
	// 420["confirm","Really?"]
	// 42["deleted",true]
}

// The server asks all clients in a room.
func ExampleCall_CallAll() {
	Vote := event.NewCall[event.None, string]("vote")

	srv := socketio.NewServer(nil)
	event.On(srv, event.New[event.None]("poll"), func(ctx context.Context, s *socketio.Socket, _ event.None) error {
		for reply, err := range Vote.CallAll(ctx, srv.Timeout(time.Minute), event.None{}) {
			if err != nil {
				return err
			}
			fmt.Println("one vote for", reply.Value)
		}
		return s.Emit("done")
	})

	page := visit(srv)
	defer page.leave()
	page.send(`42["poll"]`)
	fmt.Println(page.receive())
	page.send(`430["tea"]`)
	fmt.Println(page.receive())
	// Output:
	// 420["vote"]
	// one vote for tea
	// 42["done"]
}

// The fields of a struct are the arguments, the last one takes what follows.
func ExampleNewArgs() {
	type Line struct {
		Level string
		Words []string `event:"rest"`
	}
	Log := event.NewArgs[Line]("log")

	srv := socketio.NewServer(nil)
	event.On(srv, Log, func(ctx context.Context, s *socketio.Socket, line Line) error {
		return Log.Emit(s, Line{Level: line.Level, Words: append(line.Words, "!")})
	})

	page := visit(srv)
	defer page.leave()
	page.send(`42["log","info","hello","world"]`)
	fmt.Println(page.receive())
	// Output: 42["log","info","hello","world","!"]
}

// A page is a client that shows what is on the wire, for these examples.
type page struct {
	srv     *socketio.Server
	http    *httptest.Server
	session string
	packets []string
}

func visit(srv *socketio.Server) *page {
	p := &page{srv: srv, http: httptest.NewServer(srv)}
	handshake := p.receive() // 0{"sid":"..."}
	_, sid, _ := strings.Cut(handshake, `"sid":"`)
	p.session = "&sid=" + sid[:20]
	p.send("40")
	p.receive() // 40{"sid":"..."}
	return p
}

func (p *page) send(packet string) {
	resp, err := http.Post(p.url(), "text/plain", strings.NewReader(packet))
	if err != nil {
		panic(err)
	}
	resp.Body.Close()
}

func (p *page) receive() string {
	for len(p.packets) == 0 {
		resp, err := http.Get(p.url())
		if err != nil {
			panic(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			panic(err)
		}
		p.packets = strings.Split(string(body), "\x1e")
	}
	packet := p.packets[0]
	p.packets = p.packets[1:]
	return packet
}

func (p *page) url() string {
	return p.http.URL + "/socket.io/?EIO=4&transport=polling" + p.session
}

func (p *page) leave() {
	p.send("1")
	if err := p.srv.Shutdown(context.Background()); err != nil {
		panic(err)
	}
	p.http.Close()
}
