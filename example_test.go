package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"testing/fstest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// exampleTB stands for the *testing.T of a test: what these examples show are a
// server and clients in memory, which need a test to report to.
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

// A whole program.
func Example() {
	type Message struct {
		Room string `json:"room"`
		Text string `json:"text"`
	}

	io := socketio.NewServer(nil)
	io.OnConnect(func(s *socketio.Socket) {
		s.Join("lobby")
	})
	io.On("chat message", func(s *socketio.Socket, msg Message) error {
		return s.To(msg.Room).Emit("chat message", msg)
	})

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io)
	mux.Handle("/", http.FileServer(http.Dir("public")))
	web := &http.Server{Addr: ":3000", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := web.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()

	stop, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	<-stop.Done()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	log.Print(io.Shutdown(ctx), web.Shutdown(ctx)) // in this order
}

// What one client sends, the others receive.
func ExampleServer() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil) // in a program: socketio.NewServer(nil)

	io.OnConnect(func(s *socketio.Socket) {
		s.Join("lobby")
		s.Emit("welcome")
	})
	io.On("chat message", func(s *socketio.Socket, text string) error {
		return s.To("lobby").Emit("chat message", text)
	})

	ann := socketiotest.Connect(t, io, nil)
	bob := socketiotest.Connect(t, io, nil)
	ann.Expect("welcome")
	bob.Expect("welcome")
	ann.Emit("chat message", "hello")
	fmt.Println(bob.Next())
	// Output: "chat message" ["hello"]
}

// A server is mounted in whatever routes the requests.
func ExampleNewServer() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()

	io := socketio.NewServer(&socketio.Options{
		ConnectTimeout: 10 * time.Second,
		Engine: engine.ServerOptions{
			PingInterval: 20 * time.Second,
			CORS:         &engine.CORS{Origins: []string{"https://example.com"}},
		},
	})
	mux := http.NewServeMux()
	mux.Handle("/api/realtime/", io) // clients: io({ path: "/api/realtime/" })

	c := socketiotest.Connect(t, socketiotest.Serve(t, io, mux), &socketiotest.ClientOptions{Path: "/api/realtime/"})
	fmt.Println(len(c.ID()))
	// Output: 20
}

// Options that come from elsewhere may be wrong.
func ExampleNew() {
	_, err := socketio.New(&socketio.Options{MaxRooms: -1})
	if option, ok := errors.AsType[*engine.OptionError](err); ok {
		fmt.Println(option.Field, option.Value)
	}
	// Output: MaxRooms -1
}

// Namespaces are channels of their own over one connection.
func ExampleServer_Of() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	admin := io.Of("/admin")
	admin.On("ban", func(name string) string { return name + " is banned" })

	c := socketiotest.Connect(t, io, nil)
	a := c.Join("/admin", nil)
	var answer string
	err := a.Call("ban", "Eve").Decode(&answer)
	fmt.Println(answer, err)
	// Output: Eve is banned <nil>
}

// Namespaces that come into being when clients ask for them.
func ExampleServer_OfRegexp() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, &socketio.Options{CleanupEmptyChildNamespaces: true})

	tenants := io.OfRegexp(regexp.MustCompile(`^/tenant-\d+$`))
	tenants.On("where", func(s *socketio.Socket) string { return s.Namespace().Name() })

	c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Namespace: "/tenant-7"})
	var answer string
	err := c.Call("where").Decode(&answer)
	fmt.Println(answer, err)

	refused := socketiotest.ExpectConnectError(t, io, &socketiotest.ClientOptions{Namespace: "/other"})
	fmt.Println(refused.Message)
	// Output:
	// /tenant-7 <nil>
	// Invalid namespace
}

// Who may bring about a namespace can depend on what the client sends as its auth.
func ExampleServer_OfFunc() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	tenants := io.OfFunc(func(name string, auth socketio.Args) bool {
		var a struct{ Tenant string }
		return auth.Decode(&a) == nil && name == "/"+a.Tenant
	})

	socketiotest.Connect(t, io, &socketiotest.ClientOptions{
		Namespace: "/acme", Auth: map[string]string{"tenant": "acme"},
	})
	for _, n := range tenants.Children() {
		fmt.Println(n.Name(), len(n.Sockets()))
	}
	// Output: /acme 1
}

// Observe the namespaces that are created.
func ExampleServer_OnNewNamespace() {
	io := socketio.NewServer(nil)
	io.OnNewNamespace(func(n *socketio.Namespace) { fmt.Println(n.Name()) })
	io.Of("/admin")
	io.Of("chat")
	// Output:
	// /admin
	// /chat
}

// Middleware lets clients in, or not.
func ExampleServer_Use() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Token string }
		if err := s.Handshake().DecodeAuth(&auth); err != nil || auth.Token != "secret" {
			return errors.New("not authorized")
		}
		s.SetData("Ann") // whom the token belongs to
		return nil
	})
	io.On("whoami", func(s *socketio.Socket) any { return s.Data() })

	refused := socketiotest.ExpectConnectError(t, io, nil)
	fmt.Println(refused.Message)

	c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Auth: map[string]string{"token": "secret"}})
	fmt.Printf("%s\n", c.Call("whoami").Raw(0))
	// Output:
	// not authorized
	// "Ann"
}

// A refusal with data: the client's connect_error event has err.message and
// err.data.
func ExampleConnectError() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.Use(func(ctx context.Context, s *socketio.Socket) error {
		return &socketio.ConnectError{Message: "too many requests", Data: map[string]any{"retryAfter": 60}}
	})

	refused := socketiotest.ExpectConnectError(t, io, nil)
	fmt.Println(refused.Message, refused.Data)
	// Output: too many requests map[retryAfter:60]
}

// What the client sent when it connected: the HTTP request, and its auth.
func ExampleSocket_Handshake() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.On("hello", func(s *socketio.Socket) (string, error) {
		h := s.Handshake()
		var auth struct {
			User string `json:"user"`
		}
		if err := h.DecodeAuth(&auth); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s speaks %s and has version %s",
			auth.User, h.Header.Get("Accept-Language"), h.Query.Get("version")), nil
	})

	c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{
		Auth:   map[string]string{"user": "Ann"},
		Header: http.Header{"Accept-Language": {"en"}},
		Query:  map[string][]string{"version": {"7"}},
	})
	fmt.Printf("%s\n", c.Call("hello").Raw(0))
	// Output: "Ann speaks en and has version 7"
}

// Limits are options; what a program itself may exceed returns an error.
func ExampleOptions() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, &socketio.Options{
		MaxRooms:       1,   // that one client may be in
		MaxPendingAcks: 16,  // that are awaited from one client
		InboxEvents:    100, // of one client that wait for handlers
		Engine: engine.ServerOptions{
			MaxPayload:  64 << 10,          // of one message of a client
			OutboxBytes: 1 << 20,           // that wait for one client to read them
			Overflow:    engine.DropOldest, // when it does not
		},
	})

	io.On("join", func(s *socketio.Socket, room string) string {
		var limit *socketio.LimitError
		if err := s.Join(room); errors.As(err, &limit) {
			return fmt.Sprintf("%s is %d", limit.Option, limit.Max)
		}
		return "ok"
	})

	c := socketiotest.Connect(t, io, nil)
	fmt.Printf("%s\n", c.Call("join", "tea").Raw(0))
	fmt.Printf("%s\n", c.Call("join", "coffee").Raw(0))
	// Output:
	// "ok"
	// "MaxRooms is 1"
}

// The server serves the JavaScript client from a folder.
func ExampleOptions_serveClient() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	var files fs.FS = fstest.MapFS{"socket.io.js": {Data: []byte("/* the client */")}}
	// in a program: os.DirFS("node_modules/socket.io-client/dist"), or an embed.FS

	io := socketiotest.NewServer(t, &socketio.Options{ServeClient: files})

	resp, err := io.HTTPClient().Get(io.URL + "/socket.io/socket.io.js")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status, resp.Header.Get("Content-Type"))
	// Output: 200 OK application/javascript; charset=utf-8
}

// Stop a server: clients are disconnected, what was sent is flushed, handlers are waited
// for.
func ExampleServer_Shutdown() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	io.OnDisconnect(func(s *socketio.Socket, reason socketio.Reason) { fmt.Println(reason) })
	c := socketiotest.Connect(t, io, nil)

	io.Emit("bye")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := io.Shutdown(ctx)
	fmt.Println(err, c.Next())
	// Output:
	// server shutting down
	// <nil> "bye" []
}

// Connections can be refused before there is a socket, by the HTTP request, and
// keep what HTTP middleware has found out.
func ExampleOptions_engine() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()

	type userKey struct{}
	io := socketiotest.NewServer(t, &socketio.Options{Engine: engine.ServerOptions{
		AllowRequest: func(r *http.Request) error {
			if r.Header.Get("X-User") == "" {
				return errors.New("log in first")
			}
			return nil
		},
		Context: func(r *http.Request) context.Context {
			return context.WithValue(context.Background(), userKey{}, r.Header.Get("X-User"))
		},
	}})
	io.On("whoami", func(ctx context.Context) string { return ctx.Value(userKey{}).(string) })

	fmt.Println(socketiotest.ExpectConnectError(t, io, nil).Message)
	c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{
		Header: http.Header{"X-User": {"Ann"}},
	})
	fmt.Printf("%s\n", c.Call("whoami").Raw(0))
	// Output:
	// log in first
	// "Ann"
}
