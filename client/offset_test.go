package client_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// A volatile event that ends with a text does not cost the session.
func TestVolatileEventsAndRecovery(t *testing.T) {
	t.Parallel()
	settings(t, func(t *testing.T, way setting) {
		if way.transports[0] != engine.WebSocket {
			return // a volatile event may be lost between two polls
		}
		srv := way.serve(t, &socketio.Options{Recovery: &socketio.Recovery{}})
		sockets := make(chan *socketio.Socket, 2)
		srv.OnConnect(func(s *socketio.Socket) { sockets <- s })
		c := way.client(t, srv, "/", nil)
		again := make(chan bool, 2)
		c.OnConnect(func() { again <- c.Recovered() })
		var typing list[string]
		c.On("typing", func(who string) { typing.add(who) })
		connect(t, c)
		receive(t, again, "the connection")
		s := receive(t, sockets, "the socket")
		for _, test := range []struct {
			emit func(event string, args ...any) error
			who  string
		}{
			{s.Volatile().Emit, "Q7uWzas"}, // like an offset
			{s.Emit, "numbered"},
			{srv.Volatile().Emit, "ab_D-9.1"},
			{s.Volatile().Emit, "bob"},
		} {
			// One that is lost is emitted again.
			socketiotest.WaitFor(t, "an event", func() bool {
				return test.emit("typing", test.who) != nil || slices.Contains(typing.get(), test.who)
			})
		}
		c.Manager().Engine().Close()
		if !receive(t, again, "the reconnection") {
			pid, offset := c.Session()
			t.Errorf("the session was not recovered; the offset now: %q of %q", offset, pid)
		}
	})
}

// Other servers do not mark volatile events. What is not like an offset does not
// replace one, and nothing long is kept.
func TestOffsetsOfOtherServers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1000)
	for name, test := range map[string]struct {
		texts []string
		want  string
	}{
		"of the reference":  {[]string{"Q7uWzas", "bob"}, "Q7uWzas"},
		"later":             {[]string{"Q7uWzas", "bob", "Q7uWzb0", "general"}, "Q7uWzb0"},
		"volatile first":    {[]string{"bob", "Q7uWzas"}, "Q7uWzas"},
		"volatile only":     {[]string{"bob"}, "bob"},
		"of a stream":       {[]string{"1692187534123-0", "bob", "1692187534123-1", "a text"}, "1692187534123-1"},
		"of another kind":   {[]string{"17", "18", "19"}, "19"},
		"an empty text":     {[]string{"17", ""}, "17"},
		"long":              {[]string{"17", long}, "17"},
		"as long as may be": {[]string{"17", long[:126]}, long[:126]},
		"a byte longer":     {[]string{"17", long[:127]}, "17"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(c *engine.Conn, message string) {
				say(c, `0{"sid":"AAAAAAAAAAAAAAAAAAAA","pid":"p"}`)
				for _, text := range test.texts {
					say(c, `2["e","`+text+`"]`)
				}
				say(c, `2["last"]`)
			})
			c := overWebSocket.client(t, f.Server, "/", nil)
			last := make(chan bool, 1)
			c.On("last", func() { last <- true })
			connect(t, c)
			receive(t, last, "the events")
			if _, got := c.Session(); got != test.want {
				t.Errorf("the offset is %q, want %q", got, test.want)
			}
		})
	}
}

// IDs are bounded.
func TestIDsAreBounded(t *testing.T) {
	t.Parallel()
	id := strings.Repeat("x", 1024)
	for name, answer := range map[string]string{
		"ID":                 `0{"sid":"` + id + `x"}`,
		"private ID":         `0{"sid":"x","pid":"` + id + `x"}`,
		"as long as may be":  `0{"sid":"` + id + `","pid":"` + id + `"}`,
		"as short as may be": `0{"sid":"x","pid":"x"}`,
	} {
		f := newFake(t, func(c *engine.Conn, _ string) { say(c, answer) })
		c := overWebSocket.client(t, f.Server, "/", nil)
		err := c.Connect(within(t))
		if may := strings.Contains(name, "may be"); may != (err == nil) {
			t.Errorf("%s: %v", name, err)
		} else if !may && errorAs[*client.DisconnectError](t, err).Reason != client.ParseError {
			t.Errorf("%s: %v", name, err)
		}
		c.Manager().Close()
	}
}
