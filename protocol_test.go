package socketio_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// The matrix of what a server does with a packet, on a connection that has
// joined "/" (Socket.IO protocol v5).
func TestPacketMatrix(t *testing.T) {
	t.Parallel()
	const (
		closed = "closed" // the connection ends, without a word
		kept   = "kept"   // no answer, and the connection stays open
	)
	placeholder := `{"_placeholder":true,"num":0}`
	cases := []struct {
		name string
		send []string
		want string // an answer, or one of the above
	}{
		{"unknown namespace", []string{`40/unknown,{}`}, `44/unknown,{"message":"Invalid namespace"}`},
		{"CONNECT twice", []string{`40`}, closed},
		{"CONNECT with an array", []string{`40/x,[]`}, closed},
		{"CONNECT with a string", []string{`40/x,"x"`}, closed},
		{"CONNECT with null", []string{`40/x,null`}, closed},
		{"CONNECT with junk", []string{`40a,`}, closed},
		{"CONNECT with an ID", []string{`40/id,12{"a":1}`}, `40/id,{"sid":`},
		{"DISCONNECT with a payload", []string{`41{}`}, closed},
		{"DISCONNECT from elsewhere", []string{`41/other`}, closed},
		{"DISCONNECT", []string{`41`}, kept},
		{"CONNECT_ERROR", []string{`44{"message":"x"}`}, closed},
		{"EVENT elsewhere", []string{`42/other,["e"]`}, closed},
		{"unknown type", []string{`47`}, closed},
		{"no type", []string{`4x`}, closed},
		{"empty message", []string{`4`}, closed},
		{"EVENT without data", []string{`42`}, closed},
		{"EVENT without a name", []string{`42[]`}, closed},
		{"EVENT with an object", []string{`42{}`}, closed},
		{"EVENT named by an array", []string{`42[[]]`}, closed},
		{"EVENT named null", []string{`42[null]`}, closed},
		{"EVENT named true", []string{`42[true]`}, closed},
		{"EVENT named by an object", []string{`42[{"toString":"x"}]`}, closed},
		{"EVENT with a reserved name", []string{`42["connect"]`}, closed},
		{"EVENT with trailing junk", []string{`42["e"]junk`}, closed},
		{"EVENT with an ID that is none", []string{`42abc["e"]`}, closed},
		{"EVENT named by a number", []string{`42[1,2]`}, `42["number",2]`},
		{"EVENT named error", []string{`42["error","x"]`}, kept},
		{"EVENT nobody listens to", []string{`42["nobody"]`}, kept},
		{"ACK without an ID", []string{`43["x"]`}, kept},
		{"ACK for nothing", []string{`43123["x"]`}, kept},
		{"ACK with an object", []string{`431{}`}, closed},
		{"no attachments announced", []string{`450-["e"]`}, closed},
		{"no dash", []string{`451["e"]`}, closed},
		{"eleven attachments", []string{`4511-["e",` + placeholder + `]`}, closed},
		{"a placeholder out of range", []string{`451-["e",{"_placeholder":true,"num":1}]`, wiretest.Binary("x")}, closed},
		{"a placeholder with a string", []string{`451-["e",{"_placeholder":true,"num":"0"}]`, wiretest.Binary("x")}, closed},
		{"a negative placeholder", []string{`451-["e",{"_placeholder":true,"num":-1}]`, wiretest.Binary("x")}, closed},
		{"text for an attachment", []string{`451-["e",` + placeholder + `]`, `42["e"]`}, closed},
		{"binary without a header", []string{wiretest.Binary("x")}, closed},
		{"ten attachments to come", []string{`4510-["e"]`}, "waiting"},
		{"a million digits", []string{`45` + strings.Repeat("1", 900_000)}, closed},
		{"Engine.IO ping", []string{`2`}, closed},
		{"Engine.IO junk", []string{`9`}, closed},
		{"Engine.IO pong", []string{`3`}, kept},
		{"Engine.IO upgrade", []string{`5`}, kept},
		{"Engine.IO noop", []string{`6`}, kept},
	}
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, nil)
		io.Of("/id")
		io.Of("/x")
		io.Of("/check").On("ping", func() string { return "pong" })
		io.On("1", func(s *socketio.Socket, n int) error { return s.Emit("number", n) })
		bystander, _ := wiretest.Join(t, url, transport, "/check")
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				client, _ := wiretest.Join(t, url, transport, "/")
				client.TrySend(c.send...)
				switch c.want {
				case closed:
					client.ExpectClosed()
				case kept:
					client.Send(`40/check,`)
					if answer := client.Read(); !strings.HasPrefix(answer, `40/check,{"sid":`) {
						t.Errorf("the connection should be usable, but answers %q", answer)
					}
				case "waiting":
					client.TrySend(`40/check,`)
					client.ExpectClosed()
				default:
					if answer := client.Read(); !strings.HasPrefix(answer, c.want) {
						t.Errorf("answered %q, want %q", answer, c.want)
					}
				}
				bystander.Send(`42/check,7["ping"]`)
				bystander.Expect(`43/check,7["pong"]`)
			})
		}
		bystander.Leave()
		waitFor(t, "the end of all sessions", func() bool {
			return len(io.Sockets()) == 0 && len(io.Of("/check").Sockets()) == 0 && io.Engine().Len() == 0
		})
	})
}

func TestPacketsBeforeConnect(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, &socketio.Options{ConnectTimeout: 500 * time.Millisecond})
		io.On("e", func() { t.Error("an event was handled") })
		for _, packet := range []string{`42["e"]`, `41`, `430[]`, `451-["e"]`} {
			c := wiretest.Dial(t, url, transport)
			c.TrySend(packet)
			c.ExpectClosed()
		}
		t.Run("nothing in time", func(t *testing.T) {
			wiretest.Dial(t, url, transport).ExpectClosed()
		})
		t.Run("only a refusal in time", func(t *testing.T) {
			c := wiretest.Dial(t, url, transport)
			c.Send(`40/unknown`)
			c.Expect(`44/unknown,{"message":"Invalid namespace"}`)
			c.ExpectClosed()
		})
		t.Run("a namespace in time", func(t *testing.T) {
			c, _ := wiretest.Join(t, url, transport, "/")
			c.Send(`41`)
			// When a client that came later has run into its timeout, this one's
			// would have struck, too.
			wiretest.Dial(t, url, transport).ExpectClosed()
			c.Send(`40`)
			if answer := c.Read(); !strings.HasPrefix(answer, `40{"sid":`) {
				t.Errorf("answered %q", answer)
			}
		})
	})
}

func TestBinaryEventsAndAcks(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, nil)
		type file struct {
			Name string `json:"name"`
			Data []byte `json:"data"`
		}
		io.On("upload", func(f file) (int, []byte) { return len(f.Data), f.Data })
		io.On("fetch", func(s *socketio.Socket) error {
			return s.Emit("file", file{"b", []byte{5, 6}}, map[string][]byte{"k": {7}})
		})
		c, _ := wiretest.Join(t, url, transport, "/")
		c.Send(`451-7["upload",{"name":"a","data":{"_placeholder":true,"num":0}}]`, wiretest.Binary("\x01\x02\x03"))
		c.Expect(`461-7[3,{"_placeholder":true,"num":0}]`, wiretest.Binary("\x01\x02\x03"))
		c.Send(`42["fetch"]`)
		c.Expect(`452-["file",{"name":"b","data":{"_placeholder":true,"num":0}},{"k":{"_placeholder":true,"num":1}}]`,
			wiretest.Binary("\x05\x06"), wiretest.Binary("\x07"))
	})
}

func TestServerAsksClient(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, nil)
		type result struct {
			sum int
			err error
		}
		results := make(chan result, 1)
		// The handler waits for an answer of the client whose event it handles.
		io.On("start", func(ctx context.Context, s *socketio.Socket) {
			sum, err := socketio.Call[int](ctx, s, "add", 1, 2)
			results <- result{sum, err}
		})
		c, _ := wiretest.Join(t, url, transport, "/")
		c.Send(`42["start"]`)
		c.Expect(`420["add",1,2]`)
		c.Send(`430[3]`)
		if r := receive(t, results, "the answer"); r.err != nil || r.sum != 3 {
			t.Errorf("got %+v", r)
		}
	})
}
