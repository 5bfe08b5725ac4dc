package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// A fake is a server of which a test decides what it says.
type fake struct {
	*socketiotest.Server
	received chan string // what the client has sent
	conns    chan *engine.Conn
}

// newFake starts a server that has answer called for each message of a client.
func newFake(t testing.TB, answer func(c *engine.Conn, message string)) *fake {
	return newFakeBehind(t, answer, func(h http.Handler) http.Handler { return h })
}

// newFakeBehind is newFake for a server that is reached through what wrap returns.
func newFakeBehind(t testing.TB, answer func(c *engine.Conn, message string), wrap func(h http.Handler) http.Handler) *fake {
	f := &fake{received: make(chan string, 100), conns: make(chan *engine.Conn, 10)}
	e, err := engine.NewServer(&engine.ServerOptions{
		Logger: slog.New(slog.DiscardHandler),
		OnConnect: func(c *engine.Conn) engine.Handler {
			f.conns <- c
			return fakeHandler(func(message string) {
				if answer != nil {
					answer(c, message)
				}
				select {
				case f.received <- message:
				default:
				}
			})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Shutdown(within(t)) })
	f.Server = serveHandler(t, wrap(e))
	return f
}

// serveHandler mounts any handler where a server would be.
func serveHandler(t testing.TB, h http.Handler) *socketiotest.Server {
	return socketiotest.Serve(t, socketio.NewServer(&socketio.Options{Logger: slog.New(slog.DiscardHandler)}), h)
}

type fakeHandler func(message string)

func (h fakeHandler) OnMessage(_ *engine.Conn, data []byte, binary bool) { h(string(data)) }
func (h fakeHandler) OnClose(*engine.Conn, engine.Reason, error)         {}

// say sends packets; those that begin with a zero byte are binary.
func say(c *engine.Conn, packets ...string) {
	for _, p := range packets {
		if data, ok := strings.CutPrefix(p, "\x00"); ok {
			_ = c.Send(engine.NewBinaryMessage([]byte(data)), 0)
		} else {
			_ = c.Send(engine.NewTextMessage([]byte(p)), 0)
		}
	}
}

const granted = `0{"sid":"AAAAAAAAAAAAAAAAAAAA"}`

// What a server must not send ends the connection, and the client reconnects.
func TestProtocolViolations(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 10_000)
	for name, packets := range map[string][]string{
		"no type":                 {""},
		"unknown type":            {"7"},
		"letter":                  {"x"},
		"event without name":      {"2[]"},
		"event without array":     {"2"},
		"event object":            {"2{}"},
		"event null":              {"2[null]"},
		"event true":              {"2[true]"},
		"reserved":                {`2["connect"]`},
		"reserved too":            {`2["disconnect"]`},
		"junk":                    {`2["e"]junk`},
		"ack object":              {`31{}`},
		"disconnect with payload": {"1{}"},
		"connect array":           {"0[]"},
		"connect null":            {"0null"},
		"granted twice":           {granted},
		"granted without an ID":   {"0"},
		"refused when connected":  {`4{"message":"x"}`},
		"zero attachments":        {`50-["e"]`},
		"no attachment count":     {`5["e"]`},
		"too many attachments":    {`511-["e"]`},
		"text for an attachment":  {`51-["e",{"_placeholder":true,"num":0}]`, `2["e"]`},
		"unannounced attachment":  {"\x00x"},
		"placeholder":             {`51-["e",{"_placeholder":true,"num":1}]`, "\x00x"},
		"ID out of range":         {`2` + strings.Repeat("9", 30) + `["e"]`},
		"depth":                   {`2["e",` + deep + `]`},
		"long name":               {`2["` + strings.Repeat("x", 3000) + `"]`},
	} {
		t.Run(name, func(t *testing.T) {
			var said bool
			f := newFake(t, func(c *engine.Conn, message string) {
				if !strings.HasPrefix(message, "0") {
					return
				}
				say(c, granted)
				if !said {
					said = true
					say(c, packets...)
				}
			})
			c := overWebSocket.client(t, f.Server, "/", nil)
			ends := make(chan error, 1)
			reasons := make(chan client.Reason, 1)
			c.OnDisconnect(func(reason client.Reason, err error) {
				reasons <- reason
				ends <- err
			})
			connected := make(chan bool, 2)
			c.OnConnect(func() { connected <- c.Connected() })
			connect(t, c)
			receive(t, connected, "the connection")
			if reason := receive(t, reasons, "the disconnection"); reason != client.ParseError {
				t.Errorf("reason %q", reason)
			}
			if err := receive(t, ends, "the cause"); err == nil {
				t.Error("no cause is given")
			} else if _, ok := errors.AsType[*parser.SyntaxError](err); !ok && !strings.Contains(err.Error(), "request to join") {
				t.Errorf("the cause is %v", err)
			}
			receive(t, connected, "the reconnection")
		})
	}
}

// What is pointless, or late, is ignored.
func TestPacketsThatAreIgnored(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(c *engine.Conn, message string) {
		if strings.HasPrefix(message, "0") {
			say(c, granted,
				`3["x"]`, `3123["x"]`, `3999["x"]`, `2/other,["e"]`, `0/other,{"sid":"x"}`, `4/other,"x"`, `1/other,`,
				`2[1,2]`, `2["e","last"]`)
		}
	})
	c := overWebSocket.client(t, f.Server, "/", nil)
	last := make(chan string, 1)
	c.On("e", func(s string) { last <- s })
	off := c.OnDisconnect(func(reason client.Reason, err error) { t.Errorf("disconnected: %s, %v", reason, err) })
	connect(t, c)
	defer off()
	if s := receive(t, last, "the event"); s != "last" {
		t.Errorf("got %q", s)
	}
}

// What a server says instead of letting the socket in.
func TestAnswersToTheRequest(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		packets []string
		check   func(t *testing.T, err error)
	}{
		"no ID": {[]string{"0"}, func(t *testing.T, err error) {
			if !errors.Is(err, client.ErrServerVersion) {
				t.Error(err)
			}
		}},
		"empty ID": {[]string{`0{"sid":""}`}, func(t *testing.T, err error) {
			if !errors.Is(err, client.ErrServerVersion) {
				t.Error(err)
			}
		}},
		"text": {[]string{`4"no way"`}, func(t *testing.T, err error) {
			if e := errorAs[*client.ConnectError](t, err); e.Message != "no way" || e.Data != nil {
				t.Errorf("%#v", e)
			}
		}},
		"nothing": {[]string{`4{}`}, func(t *testing.T, err error) {
			if e := errorAs[*client.ConnectError](t, err); e.Message == "" {
				t.Errorf("%#v", e)
			}
		}},
		"odd message": {[]string{`4{"message":17}`}, func(t *testing.T, err error) {
			if e := errorAs[*client.ConnectError](t, err); e.Message != `{"message":17}` {
				t.Errorf("%#v", e)
			}
		}},
		"disconnected": {[]string{"1"}, func(t *testing.T, err error) {
			if e := errorAs[*client.DisconnectError](t, err); e.Reason != client.ServerDisconnect {
				t.Error(e)
			}
		}},
		"garbage": {[]string{"x"}, func(t *testing.T, err error) {
			if e := errorAs[*client.DisconnectError](t, err); e.Reason != client.ParseError {
				t.Error(e)
			}
		}},
		"odd ID": {[]string{`0{"sid":7}`}, func(t *testing.T, err error) {
			if e := errorAs[*client.DisconnectError](t, err); e.Reason != client.ParseError {
				t.Error(e)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(c *engine.Conn, message string) { say(c, test.packets...) })
			c := overWebSocket.client(t, f.Server, "/", nil)
			err := c.Connect(within(t))
			if err == nil {
				t.Fatal("connected")
			}
			test.check(t, err)
			if c.Active() {
				t.Error("the socket is active")
			}
		})
	}
}

// Servers of version 2 let clients in unasked, and without an ID.
func TestServerOfVersion2(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) {
		o.Auth = func(ctx context.Context) (any, error) {
			say(<-f.conns, "0")
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	if err := c.Connect(within(t)); !errors.Is(err, client.ErrServerVersion) {
		t.Error(err)
	}
	// What they say of other namespaces is not to the point.
	f = newFake(t, func(c *engine.Conn, message string) {
		if message == "0/other," {
			say(c, "0", `4/other,"Invalid namespace"`)
		}
	})
	if err := overWebSocket.client(t, f.Server, "/other", nil).Connect(within(t)); !errors.Is(err, client.ErrServerVersion) {
		t.Error(err)
	}
	// They do so at once, perhaps before a socket wants to join.
	for _, namespace := range []string{"/", "/other"} {
		e, err := engine.NewServer(&engine.ServerOptions{InitialMessage: []byte("0"), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = e.Shutdown(within(t)) }()
		srv := serveHandler(t, e)
		m := client.NewManager(srv.URL, overWebSocket.options(srv))
		end(t, m)
		if err := m.Connect(within(t)); err != nil {
			t.Fatal(err)
		}
		socketiotest.WaitFor(t, "the news that the server is old", func() bool {
			return errors.Is(m.Socket(namespace, nil).Connect(within(t)), client.ErrServerVersion)
		})
	}
}

// recorded notes the bodies of data requests before h handles them.
func recorded(h http.Handler) (http.Handler, *list[string]) {
	bodies := new(list[string])
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			bodies.add(strings.ReplaceAll(string(body), "\x1e", " "))
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		h.ServeHTTP(w, r)
	}), bodies
}

// Servers of Node drop the events that they read together with DISCONNECT, and close the
// connection when they read DISCONNECT and CONNECT of one namespace at once. So each
// leaves in a request of its own, and the close packet does.
func TestLeavingTakesRequests(t *testing.T) {
	t.Parallel()
	e, err := engine.NewServer(&engine.ServerOptions{
		Logger: slog.New(slog.DiscardHandler),
		OnConnect: func(c *engine.Conn) engine.Handler {
			return fakeHandler(func(message string) {
				switch message {
				case "0":
					say(c, granted)
				case "0/chat,":
					say(c, "0/chat,"+granted[1:])
				}
			})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Shutdown(within(t)) })
	h, bodies := recorded(e)
	srv := serveHandler(t, h)
	way := setting{[]engine.Transport{engine.Polling}, parser.JSON}
	root := way.client(t, srv, "/", nil)
	chat := root.Manager().Socket("/chat", nil)
	connect(t, root)
	connect(t, chat)
	_ = chat.Emit("last")
	chat.Disconnect()
	connect(t, chat)
	// With a change of mind.
	chat.Disconnect()
	_ = chat.Open()
	chat.Disconnect()
	connect(t, chat)
	_ = chat.Emit("last")
	conn := root.Manager().Engine()
	root.Manager().Close()
	receive(t, conn.Done(), "the end")
	var all []string
	for _, b := range bodies.get() {
		all = append(all, strings.Fields(b)...)
		for _, apart := range []string{"41", "41/chat,", "40/chat,", "1"} {
			i := slices.Index(strings.Fields(b), apart)
			several := strings.HasPrefix(apart, "41") && strings.HasPrefix(b, "41") // may leave together
			if i > 0 && !several {
				t.Errorf("%s follows something in a request: %s", apart, b)
			}
		}
	}
	for packet, want := range map[string]int{"41": 1, "41/chat,": 4, "40/chat,": 4, `42/chat,["last"]`: 2, "1": 1} {
		n := 0
		for _, p := range all {
			if p == packet {
				n++
			}
		}
		if n != want {
			t.Errorf("%d times %s, want %d", n, packet, want)
		}
	}
	if all[len(all)-1] != "1" {
		t.Errorf("the close packet is not the last of %v", all)
	}
}

// A server that does not answer the request to join is left.
func TestNoAnswerToTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, nil)
		c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.ConnectTimeout = 5 * time.Second })
		start := time.Now()
		if err := c.Connect(t.Context()); !errors.Is(err, client.ErrConnectTimeout) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second || c.Active() {
			t.Errorf("%v after %v, active %v", err, time.Since(start), c.Active())
		}
		f = newFake(t, func(c *engine.Conn, message string) {
			if message == "0" {
				say(c, granted)
			}
		})
		c = overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.ConnectTimeout = 5 * time.Second })
		connect(t, c)
		// Others are not to suffer from a namespace that takes its time.
		slow := c.Manager().Socket("/slow", nil)
		errs := make(chan error, 1)
		slow.OnConnectError(func(err error) { errs <- err })
		if err := slow.Open(); err != nil {
			t.Fatal(err)
		}
		if err := <-errs; !errors.Is(err, client.ErrConnectTimeout) || !c.Connected() || !slow.Active() {
			t.Errorf("%v, connected %v, active %v", err, c.Connected(), slow.Active())
		}
		say(<-f.conns, `0/slow,{"sid":"AAAAAAAAAAAAAAAAAAAA"}`)
		synctest.Wait()
		if !slow.Connected() {
			t.Error("the late answer does not count")
		}
	})
}

// Events that come before the answer are handled in order, however many there are,
// and what their handlers answer is sent when it may be.
func TestEventsBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	const n = 100
	f := newFake(t, func(c *engine.Conn, message string) {
		if message == "0" {
			for range n {
				say(c, `27["e"]`)
			}
			say(c, granted)
		}
	})
	c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.InboxEvents = 10 })
	var got list[string]
	c.On("e", func() string { got.add("e"); return "x" })
	refused := 0
	c.OnError(func(err error) {
		if e := errorAs[*client.LimitError](t, err); e.Option != "InboxEvents" {
			t.Error(err)
		}
		refused++
	})
	done := make(chan bool, 1)
	c.OnConnect(func() { done <- true })
	connect(t, c)
	receive(t, done, "the connection")
	if all := got.get(); len(all) != n {
		t.Errorf("%d events were handled", len(all))
	}
	answers := 0
	socketiotest.WaitFor(t, "the answers", func() bool {
		for {
			select {
			case m := <-f.received:
				if m == `37["x"]` {
					answers++
				}
			default:
				return answers+refused == n
			}
		}
	})
	if answers < 10 {
		t.Errorf("%d answers were sent; InboxEvents of them may wait for the connection", answers)
	}
}

// A codec that panics is a connection's end, not the program's.
func TestCodecThatPanics(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(c *engine.Conn, message string) { say(c, granted, `2["e"]`) })
	way := overWebSocket
	way.codec = panickingCodec{parser.JSON}
	logged := make(chan string, 100)
	c := way.client(t, f.Server, "/", func(o *client.Options) {
		o.Logger = slog.New(logFunc(func(r slog.Record) {
			if r.Level == slog.LevelError {
				logged <- r.Message
			}
		}))
	})
	if e := errorAs[*client.DisconnectError](t, c.Connect(within(t))); e.Reason != client.ParseError {
		t.Error(e)
	}
	if text := receive(t, logged, "the log record"); text != "client: panic" {
		t.Errorf("logged %q", text)
	}
}

type panickingCodec struct{ parser.Codec }

func (c panickingCodec) NewDecoder(parser.Limits) parser.Decoder { return panickingDecoder{} }

type panickingDecoder struct{}

func (panickingDecoder) Decode([]byte, bool) (*parser.Packet, error) { panic("out of order") }
func (panickingDecoder) Reset()                                      {}

// A refusal that came before the socket asked to join is not the answer to that: the
// server has broken the protocol, and Connect does not get an error without content.
func TestRefusalOfAnEarlierRequest(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(c *engine.Conn, message string) {
		if message == "0" {
			say(c, granted)
		}
	})
	root := connect(t, overWebSocket.client(t, f.Server, "/", nil))
	c := root.Manager().Socket("/other", nil)
	c.OnConnectError(func(err error) { t.Errorf("OnConnectError was called with %#v, want no call", err) })
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	for receive(t, f.received, "the request to join") != "0/other," {
	}
	if err := client.RejectLate(c); err == nil || !c.Active() {
		t.Errorf("got %v, active %v, want an error of the server, and an active socket", err, c.Active())
	}
}
