package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/seed96b07ef8/socketio/engine"
)

// echo answers each message with itself.
type echo struct{}

func (echo) OnMessage(c *engine.Conn, data []byte, binary bool) {
	m := engine.NewTextMessage(data)
	if binary {
		m = engine.NewBinaryMessage(data)
	}
	if err := c.Send(m, 0); err != nil {
		fmt.Println(err)
	}
}

func (echo) OnClose(_ *engine.Conn, reason engine.Reason, _ error) {
	fmt.Println("closed:", reason)
}

// fetch performs a request the way a polling client does.
func fetch(method, url, body string) string {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(answer)
}

// An echo server, and what a client and it say to each other over polling.
func Example() {
	server, err := engine.NewServer(&engine.ServerOptions{
		OnConnect:  func(*engine.Conn) engine.Handler { return echo{} },
		GenerateID: func(*http.Request) (string, error) { return "example-session-id-0", nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/engine.io/", server)
	s := httptest.NewServer(mux)
	defer s.Close()

	url := s.URL + "/engine.io/?EIO=4&transport=polling"
	fmt.Println(fetch("GET", url, ""))
	url += "&sid=example-session-id-0"
	fmt.Println(fetch("POST", url, "4hello\x1ebAQIDBA=="))
	fmt.Printf("%q\n", fetch("GET", url, ""))
	fmt.Println(fetch("POST", url, "1"))
	http.DefaultClient.CloseIdleConnections()
	// Output:
	// 0{"sid":"example-session-id-0","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
	// ok
	// "4hello\x1ebAQIDBA=="
	// closed: transport close
	// ok
}

// Refuse handshakes, over any transport, by what the request says.
func ExampleServerOptions_allowRequest() {
	server, err := engine.NewServer(&engine.ServerOptions{
		AllowRequest: func(r *http.Request) error {
			if r.Header.Get("Authorization") == "" {
				return errors.New("log in first")
			}
			return nil
		},
		OnConnectionError: func(err *engine.RequestError) { fmt.Println(err) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest("GET", "/engine.io/?EIO=4&transport=polling", nil)
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// engine: request refused: log in first (4) map[message:log in first]
	// 403 {"code":4,"message":"log in first"}
}

// Pages of the server's own host may connect, and those of the origins that are named.
func ExampleCORS() {
	server, err := engine.NewServer(&engine.ServerOptions{
		CORS:   &engine.CORS{Origins: []string{"https://app.example.com"}, Credentials: true},
		Logger: slog.New(slog.DiscardHandler), // it would have a warning
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, origin := range []string{"https://example.com", "https://app.example.com", "https://evil.example"} {
		r := httptest.NewRequest("GET", "https://example.com/engine.io/?EIO=4&transport=polling", nil)
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		fmt.Println(origin, w.Code)
	}
	// Output:
	// https://example.com 200
	// https://app.example.com 200
	// https://evil.example 403
}

// Clients of Socket.IO 2 next to those of today: each gets a message in its form.
func ExampleServerOptions_allowEIO3() {
	server, err := engine.NewServer(&engine.ServerOptions{
		AllowEIO3: true,
		OnConnect: func(c *engine.Conn) engine.Handler {
			greeting := fmt.Sprintf("hello, revision %d 👋", c.Protocol())
			if err := c.Send(engine.NewTextMessage([]byte(greeting)), 0); err != nil {
				fmt.Println(err)
			}
			return nil
		},
		GenerateID: func(r *http.Request) (string, error) { return "example-session-id-" + r.URL.Query().Get("EIO"), nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := httptest.NewServer(server)
	defer s.Close()
	for _, revision := range []string{"3", "4"} {
		fmt.Printf("%q\n", fetch("GET", s.URL+"/?EIO="+revision+"&transport=polling", ""))
		fetch("POST", s.URL+"/?EIO="+revision+"&transport=polling&sid=example-session-id-"+revision, map[string]string{"3": "1:1", "4": "1"}[revision])
	}
	http.DefaultClient.CloseIdleConnections()
	// Output:
	// "118:0{\"sid\":\"example-session-id-3\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}21:4hello, revision 3 👋"
	// "0{\"sid\":\"example-session-id-4\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}\x1e4hello, revision 4 👋"
}

// Stop a server: connections are flushed and closed, and waited for.
func ExampleServer_Shutdown() {
	server, err := engine.NewServer(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	s := &http.Server{Handler: server}
	// ...
	ctx := context.Background() // with the time that you are ready to wait
	fmt.Println(server.Shutdown(ctx), s.Shutdown(ctx))
	// Output: <nil> <nil>
}

// One message for many connections is encoded once.
func ExampleMessage() {
	broadcast := func(conns []*engine.Conn, text string) {
		m := engine.NewTextMessage([]byte(text))
		for _, c := range conns {
			if err := c.Send(m, engine.Volatile); errors.Is(err, engine.ErrClosed) {
				continue // it has left
			}
		}
	}
	broadcast(nil, "hello, everyone")
}
