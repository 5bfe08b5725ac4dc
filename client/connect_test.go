package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

func TestRefusalOfTheServer(t *testing.T) {
	t.Parallel()
	settings(t, func(t *testing.T, way setting) {
		type details struct {
			Code  int    `json:"code"`
			Token []byte `json:"token"`
		}
		srv := way.serve(t, nil)
		var closed bool
		srv.Use(func(ctx context.Context, s *socketio.Socket) error {
			if closed {
				return nil
			}
			return &socketio.ConnectError{Message: "not now", Data: details{Code: 7}}
		})
		c := way.client(t, srv, "/", nil)
		told := make(chan error, 1)
		c.OnConnectError(func(err error) {
			if c.Active() {
				t.Error("a socket that was refused is active")
			}
			told <- err
		})
		err := errorAs[*client.ConnectError](t, c.Connect(within(t)))
		var d details
		if err.Message != "not now" || err.Error() != "not now" || err.Data == nil || err.DecodeData(&d) != nil || d.Code != 7 {
			t.Errorf("%#v, %+v", err, d)
		}
		if receive(t, told, "the refusal") != err {
			t.Error("the hook was told something else")
		}
		if c.Active() || c.Connected() || c.Manager().Connected() {
			t.Error("a socket that was refused is active")
		}
		closed = true
		connect(t, c)
		if err := err.DecodeData(new(int)); err == nil {
			t.Error("an object was decoded into an int")
		}

		unknown := way.client(t, srv, "/unknown", nil)
		err = errorAs[*client.ConnectError](t, unknown.Connect(within(t)))
		if err.Message != "Invalid namespace" || err.Data != nil || err.DecodeData(&d) != nil {
			t.Errorf("%#v", err)
		}
	})
}

func TestAuth(t *testing.T) {
	t.Parallel()
	type credentials struct {
		Token string `json:"token"`
	}
	settings(t, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		var got []string
		srv.Use(func(ctx context.Context, s *socketio.Socket) error {
			var c credentials
			err := s.Handshake().DecodeAuth(&c)
			got = append(got, c.Token)
			return err
		})
		connect(t, way.client(t, srv, "/", func(o *client.Options) { o.Auth = credentials{"struct"} }))
		connect(t, way.client(t, srv, "/", func(o *client.Options) { o.Auth = map[string]any{"token": "map"} }))
		connect(t, way.client(t, srv, "/", func(o *client.Options) { o.Auth = json.RawMessage(`{"token":"raw"}`) }))
		n := 0
		c := connect(t, way.client(t, srv, "/", func(o *client.Options) {
			o.Auth = func(ctx context.Context) (any, error) {
				n++
				return &credentials{string(rune('0' + n))}, nil
			}
		}))
		c.Disconnect()
		connect(t, c)
		own := c.Manager().Socket("own", &client.SocketOptions{Auth: credentials{"own"}})
		if own.Namespace() != "/own" || c.Manager().Socket("/own", nil) != own {
			t.Errorf("the socket of /own is that of %s", own.Namespace())
		}
		srv.Of("/own").Use(func(ctx context.Context, s *socketio.Socket) error {
			var c credentials
			err := s.Handshake().DecodeAuth(&c)
			got = append(got, c.Token)
			return err
		})
		connect(t, own)
		if want := []string{"struct", "map", "raw", "1", "2", "own"}; !slices.Equal(got, want) {
			t.Errorf("the server got %q, want %q", got, want)
		}
	})
}

func TestAuthThatFails(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	failure := errors.New("no token today")
	n := 0
	c := overWebSocket.client(t, srv, "/", func(o *client.Options) {
		o.Auth = func(ctx context.Context) (any, error) {
			switch n++; n {
			case 1, 3:
				return nil, failure
			case 4:
				panic("no tokens at all")
			case 5:
				return "a string", nil
			}
			return nil, nil
		}
	})
	if err := c.Connect(within(t)); !errors.Is(err, failure) || !strings.HasPrefix(errorAs[*client.AuthError](t, err).Error(), "client: auth: ") {
		t.Errorf("Connect: %v", err)
	}
	if c.Active() || c.Manager().Connected() {
		t.Error("the socket is active after Connect has failed")
	}
	connect(t, c)
	c.Disconnect()

	// Open retries until there are credentials.
	errs, connected := make(chan error, 10), make(chan bool, 1)
	c.OnConnectError(func(err error) {
		if !c.Active() {
			t.Error("the socket has given up")
		}
		errs <- err
	})
	c.OnConnect(func() { connected <- true })
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	receive(t, connected, "the connection")
	if err := receive(t, errs, "the first error"); !errors.Is(err, failure) {
		t.Error(err)
	}
	if err := receive(t, errs, "the panic"); errorAs[*client.PanicError](t, err).Value != "no tokens at all" {
		t.Error(err)
	}
	if err := receive(t, errs, "what is wrong"); !strings.Contains(errorAs[*client.AuthError](t, err).Error(), "object") {
		t.Error(err)
	}
	if n != 6 {
		t.Errorf("Auth was called %d times", n)
	}
}

func TestAuthGivesUpWithTheAttempts(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	errs := make(chan error, 10)
	c := overWebSocket.client(t, srv, "/", func(o *client.Options) {
		o.ReconnectAttempts = 2
		o.Auth = func(ctx context.Context) (any, error) { return nil, errors.New("never") }
	})
	last := make(chan bool, 10)
	c.OnConnectError(func(err error) {
		errs <- err
		last <- !c.Active()
	})
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		receive(t, errs, "the error")
		if receive(t, last, "the state") != (i == 2) {
			t.Errorf("after failure %d the socket is not what it should be", i)
		}
	}
	if c.Manager().Connected() {
		t.Error("the connection was kept")
	}
}

func TestDisconnections(t *testing.T) {
	t.Parallel()
	settings(t, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		reasons := make(chan socketio.Reason, 10)
		srv.OnDisconnect(func(s *socketio.Socket, r socketio.Reason) { reasons <- r })
		c := way.client(t, srv, "/", nil)
		type end struct {
			reason client.Reason
			active bool
		}
		ends := make(chan end, 10)
		c.OnDisconnect(func(reason client.Reason, err error) { ends <- end{reason, c.Active()} })
		connect(t, c)
		ctx := c.Context()
		c.Disconnect()
		if r := receive(t, reasons, "the server's disconnection"); r != socketio.ClientNamespaceDisconnect {
			t.Errorf("the server sees %q", r)
		}
		if e := receive(t, ends, "the disconnection"); e != (end{client.ClientDisconnect, false}) {
			t.Errorf("%+v", e)
		}
		if e := errorAs[*client.DisconnectError](t, context.Cause(ctx)); e.Reason != client.ClientDisconnect || !errors.Is(e, net.ErrClosed) {
			t.Error(e)
		}
		if e := errorAs[*client.DisconnectError](t, context.Cause(c.Context())); e.Reason != client.ClientDisconnect {
			t.Error(e)
		}
		c.Disconnect()

		connect(t, c)
		if c.Context().Err() != nil || c.ID() == "" {
			t.Error("the context, or the ID, is still that of the disconnection")
		}
		srv.Socket(c.ID()).Disconnect()
		if e := receive(t, ends, "the disconnection"); e != (end{client.ServerDisconnect, false}) {
			t.Errorf("%+v", e)
		}
		receive(t, reasons, "the server's disconnection")
		if c.Connected() || c.ID() != "" {
			t.Error("still connected")
		}

		connect(t, c)
		srv.Socket(c.ID()).Conn().Close()
		e := receive(t, ends, "the disconnection")
		if e.reason != client.TransportClose && e.reason != client.TransportError || !e.active {
			t.Errorf("%+v", e)
		}
	})
}

// Leaving and joining again faster than the server answers confuses neither side.
func TestDisconnectWhileConnecting(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	entered, release := make(chan bool), make(chan bool)
	srv.Of("/slow").Use(func(ctx context.Context, s *socketio.Socket) error {
		entered <- true
		<-release
		return nil
	})
	o := overWebSocket.options(srv)
	c := client.New(srv.URL, o)
	end(t, c.Manager())
	slow := c.Manager().Socket("/slow", nil)
	connect(t, c)
	result := make(chan error, 1)
	go func() { result <- slow.Connect(within(t)) }()
	receive(t, entered, "the middleware")
	slow.Disconnect()
	if e := errorAs[*client.DisconnectError](t, receive(t, result, "the end of Connect")); e.Reason != client.ClientDisconnect {
		t.Error(e)
	}
	go func() { result <- slow.Connect(within(t)) }()
	socketiotest.WaitFor(t, "Connect", slow.Active)
	release <- true
	receive(t, entered, "the middleware, again")
	release <- true
	if err := receive(t, result, "the end of Connect"); err != nil {
		t.Fatal(err)
	}
	if !c.Connected() || !slow.Connected() || srv.Of("/slow").Socket(slow.ID()) == nil {
		t.Error("not connected")
	}
	if n := len(srv.Of("/slow").Sockets()); n != 1 {
		t.Errorf("the server has %d sockets", n)
	}

	// The other way round: the answer arrives after the call has returned.
	slow.Disconnect()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { result <- slow.Connect(ctx) }()
	receive(t, entered, "the middleware")
	cancel()
	if err := receive(t, result, "the end of Connect"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if slow.Active() {
		t.Error("Connect has left the socket active")
	}
	release <- true
	socketiotest.WaitFor(t, "the server to know", func() bool { return len(srv.Of("/slow").Sockets()) == 0 })
	if !c.Connected() {
		t.Error("the connection was lost")
	}
}

func TestURLsAndOptions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		url   string
		opts  client.Options
		field string
		value any
	}{
		{"no scheme", "localhost:3000", client.Options{}, "url", "localhost:3000"},
		{"other scheme", "ftp://localhost", client.Options{}, "url", "ftp://localhost"},
		{"no host", "http:///admin", client.Options{}, "url", "http:///admin"},
		{"no URL", "http://a b", client.Options{}, "url", "http://a b"},
		{"long", "http://h/" + strings.Repeat("x", 8000), client.Options{}, "url", nil},
		{"comma", "http://h/a,b", client.Options{}, "namespace", "/a,b"},
		{"delay", "http://h", client.Options{ReconnectDelay: -1}, "ReconnectDelay", time.Duration(-1)},
		{"delays", "http://h", client.Options{ReconnectDelay: 2 * time.Second, ReconnectDelayMax: time.Second}, "ReconnectDelayMax", time.Second},
		{"delay in milliseconds", "http://h", client.Options{ReconnectDelay: 1000}, "ReconnectDelay", time.Microsecond},
		{"delays in milliseconds", "http://h", client.Options{ReconnectDelayMax: 5000}, "ReconnectDelayMax", 5 * time.Microsecond},
		{"timeout in milliseconds", "http://h", client.Options{ConnectTimeout: 20000}, "ConnectTimeout", 20 * time.Microsecond},
		{"ack timeout in milliseconds", "http://h", client.Options{AckTimeout: 5000}, "AckTimeout", 5 * time.Microsecond},
		{"timeout", "http://h", client.Options{ConnectTimeout: -1}, "ConnectTimeout", time.Duration(-1)},
		{"ack timeout", "http://h", client.Options{AckTimeout: -1}, "AckTimeout", time.Duration(-1)},
		{"factor", "http://h", client.Options{RandomizationFactor: 1.5}, "RandomizationFactor", 1.5},
		{"attempts", "http://h", client.Options{ReconnectAttempts: -1}, "ReconnectAttempts", -1},
		{"retries", "http://h", client.Options{Retries: -1}, "Retries", -1},
		{"buffer", "http://h", client.Options{BufferMessages: -1}, "BufferMessages", -1},
		{"overflow", "http://h", client.Options{Overflow: 7}, "Overflow", client.Overflow(7)},
		{"auth", "http://h", client.Options{Auth: "secret"}, "Auth", "of type string"},
		{"nil auth", "http://h", client.Options{Auth: (func(context.Context) (any, error))(nil)}, "Auth", "nil"},
		{"other function", "http://h", client.Options{Auth: func() any { return nil }}, "Auth", "of type func() interface {}"},
		{"engine", "http://h", client.Options{Engine: engine.DialOptions{Transports: []engine.Transport{"pigeon"}}}, "Transports", engine.Transport("pigeon")},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := client.New(test.url, &test.opts)
			e := errorAs[*client.OptionError](t, c.Connect(within(t)))
			if e.Field != test.field || test.value != nil && e.Value != test.value {
				t.Errorf("%#v", e)
			}
			if c.Active() {
				t.Error("the socket is active")
			}
			if test.name == "engine" {
				return // which is not known before
			}
			for what, err := range map[string]error{
				"Open":            c.Open(),
				"Emit":            c.Emit("e"),
				"EmitWithAck":     second(c.EmitWithAck(t.Context(), "e")),
				"Manager.Connect": client.NewManager(test.url, &test.opts).Connect(t.Context()),
			} {
				if test.field == "namespace" && what == "Manager.Connect" {
					continue
				}
				if e := errorAs[*client.OptionError](t, err); e.Field != test.field {
					t.Errorf("%s: %v", what, e)
				}
			}
		})
	}
	m := client.NewManager("http://h", nil)
	for _, opts := range []client.SocketOptions{{AckTimeout: -1}, {AckTimeout: 5000}, {Retries: -1}, {Auth: 1}} {
		errorAs[*client.OptionError](t, m.Socket("/"+time.Now().String(), &opts).Open())
	}
	errorAs[*client.OptionError](t, m.Socket("/a,b", nil).Open())
}

func second[A, B any](_ A, b B) B { return b }

func TestNamespaceOfAURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"http://h":              "/",
		"https://h/":            "/",
		"ws://h:80/admin":       "/admin",
		"wss://h/a/b/":          "/a/b/",
		"http://h/a%20b?x=/y":   "/a%20b",
		"http://u:p@h/ä#f/rest": "/ä",
		"http://[::1]:3000/x":   "/x",
		"http://h?x=/y":         "/",
	} {
		if got := client.New(url, nil).Namespace(); got != want {
			t.Errorf("%s: namespace %q, want %q", url, got, want)
		}
	}
}

// The query of the URL is sent with the handshake, and the options' with it.
func TestQueryAndHeader(t *testing.T) {
	t.Parallel()
	settings(t, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		o := way.options(srv)
		o.Engine.Query = map[string][]string{"b": {"2"}, "c": {"3"}}
		o.Engine.Header = map[string][]string{"X-Test": {"yes"}}
		c := client.New(srv.URL+"/?a=1&b=1", o)
		end(t, c.Manager())
		connect(t, c)
		h := srv.Socket(c.ID()).Handshake()
		if q := h.Query; q.Get("a") != "1" || q.Get("b") != "2" || len(q["b"]) != 1 || q.Get("c") != "3" || h.Header.Get("X-Test") != "yes" {
			t.Errorf("query %v, header %v", q, h.Header)
		}
	})
}

// Values that cannot be sent are found out when they are to be, at the latest.
func TestAuthThatCannotBeEncoded(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := overWebSocket.client(t, srv, "/", func(o *client.Options) { o.Auth = struct{ C chan int }{make(chan int)} })
	errorAs[*client.AuthError](t, c.Connect(within(t)))
	if c.Active() {
		t.Error("the socket is active")
	}
}

// A refusal after the attempt was given up has no effect.
func TestRefusalThatComesLate(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	entered, release := make(chan bool), make(chan error)
	srv.Of("/slow").Use(func(ctx context.Context, s *socketio.Socket) error {
		entered <- true
		return <-release
	})
	c := connect(t, overWebSocket.client(t, srv, "/", nil))
	slow := c.Manager().Socket("/slow", nil)
	slow.OnConnectError(func(err error) { t.Error(err) })
	if err := slow.Open(); err != nil {
		t.Fatal(err)
	}
	receive(t, entered, "the middleware")
	slow.Disconnect()
	if err := slow.Open(); err != nil {
		t.Fatal(err)
	}
	release <- errors.New("no")
	receive(t, entered, "the middleware, again")
	connected := make(chan bool, 1)
	slow.OnConnect(func() { connected <- true })
	release <- nil
	receive(t, connected, "the connection")
}

func TestTextsOfErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for _, test := range []struct {
		err  error
		want string
	}{
		{&client.DisconnectError{Reason: client.PingTimeout}, "socketio: socket disconnected: ping timeout"},
		{&client.DisconnectError{Reason: client.ParseError, Err: cause}, "socketio: socket disconnected: parse error: cause"},
		{&client.LimitError{Option: "BufferBytes", Max: 7}, "socketio: BufferBytes exceeded: at most 7 are allowed to wait for the connection or for acknowledgements; EmitWait, in place of Emit, waits for room"},
		{&client.RetryError{Event: "e", Sent: 3, Err: cause}, `client: event "e" was sent 3 times and not acknowledged (does the server have a handler that acknowledges it?): cause`},
		{&client.EventError{Event: "e", Err: cause}, `socketio: event "e": cause`},
		{&client.PanicError{Value: "x"}, "panic: x"},
		{&client.AuthError{Err: cause}, "client: auth: cause"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("%T: %q, want %q", test.err, got, test.want)
		}
	}
}

// A transport that hangs leaves time for the others.
func TestTryAllTransportsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketiotest.NewServer(t, nil)
		o := &client.Options{Engine: engine.DialOptions{
			TryAllTransports: true,
			DialContext:      srv.Dial,
			RoundTripper: roundTripper(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}),
		}}
		c := client.New(srv.URL, o)
		defer c.Manager().Close()
		if err := c.Connect(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
