package socketio_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// liveHeap returns the size of what is reachable.
func liveHeap() int {
	for range 3 { // pools forget in two rounds
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// stuck is a server whose handlers wait, and a client of it.
type stuck struct {
	t       *testing.T
	client  *wiretest.Client
	socket  *socketio.Socket
	release chan struct{} // as many events are handled as it has tokens
}

func newStuck(t *testing.T, opts *socketio.Options) *stuck {
	t.Helper()
	io, url, _ := newServer(t, opts)
	s := &stuck{t: t, release: make(chan struct{})}
	entered := make(chan *socketio.Socket, 1)
	for _, r := range []interface {
		On(string, any) func()
	}{io, io.OfRegexp(regexp.MustCompile(`^/n\d+$`))} {
		r.On("first", func(so *socketio.Socket, _ socketio.Args) { entered <- so; <-s.release })
		r.On("e", func(socketio.Args) { <-s.release })
	}
	s.client = wiretest.Dial(t, url, "websocket")
	codec := parser.JSON
	if opts != nil && opts.Codec != nil {
		codec = opts.Codec
	}
	s.client.Send(encode(t, codec, parser.Header{Type: parser.Connect}, "")...)
	s.client.Read()
	s.client.Send(encode(t, codec, parser.Header{Type: parser.Event}, "first")...)
	s.socket = receive(t, entered, "the handler")
	return s
}

// end lets the handlers go on and checks that nothing is counted afterwards.
func (s *stuck) end() {
	s.t.Helper()
	close(s.release)
	s.client.Close()
	waitFor(s.t, "the end of what is held", func() bool { return socketio.HeldBytes(s.socket) == 0 })
}

// proceed has all events handled but the last of those that wait.
func (s *stuck) proceed() {
	s.t.Helper()
	for n := socketio.Pending(s.socket); n > 0; n-- {
		s.release <- struct{}{}
	}
	waitFor(s.t, "the handlers", func() bool { return socketio.Pending(s.socket) == 0 })
}

func encode(t testing.TB, codec parser.Codec, h parser.Header, event string, args ...any) (messages []string) {
	t.Helper()
	data, attachments, err := codec.Append(nil, h, event, args)
	if err != nil {
		t.Fatal(err)
	}
	messages = []string{"4" + string(data)}
	if codec.Binary() {
		messages[0] = wiretest.Binary(string(data))
	}
	for _, a := range attachments {
		messages = append(messages, wiretest.Binary(string(a)))
	}
	return messages
}

func repeated(n int, v any) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = v
	}
	return list
}

// What is counted is what is held, whatever events look like: the heap has no more than
// 5/4 of it.
func TestBudgetIsWhatIsHeld(t *testing.T) {
	const limit, slack = 4 << 20, 256 << 10
	binary := func(n, size int) []any { return repeated(n, make([]byte, size)) }
	shapes := map[string][]any{
		"tiny events":            nil,
		"many arguments":         repeated(9_000, 0),
		"many lists":             repeated(9_000, []any{}),
		"a list of lists":        {repeated(100_000, []any{})},
		"a text":                 {strings.Repeat("x", 600)},
		"many small attachments": binary(10, 1),
		"attachments":            binary(10, 70_000),
	}
	for name, codec := range map[string]parser.Codec{"json": parser.JSON, "msgpack": msgpack.Codec} {
		// As many events as there is room for bytes.
		s := newStuck(t, &socketio.Options{Codec: codec, InboxBytes: limit, InboxEvents: 1 << 20})
		for shape, args := range shapes {
			t.Run(name+"/"+shape, func(t *testing.T) {
				packet := encode(t, codec, parser.Header{Type: parser.Event}, "e", args...)
				measure := func() (n, held, counted int) {
					before, none := liveHeap(), socketio.HeldBytes(s.socket)
					n = 0
					for batch := 1; batch > 0; { // until one more does not fit
						s.client.Send(slices.Repeat(packet, batch)...)
						n += batch
						waitFor(t, "the events", func() bool { return socketio.Pending(s.socket) == n })
						sum := socketio.HeldBytes(s.socket)
						batch = (limit - sum) / ((sum - none) / n) * 3 / 4
					}
					return n, liveHeap() - before, socketio.HeldBytes(s.socket) - none
				}
				n, held, counted := measure()
				for range 2 {
					if counted <= 3*held+slack {
						break
					}
					// Memory of something that has ended may have been freed meanwhile.
					s.proceed()
					n, held, counted = measure()
				}
				t.Logf("%d events: %d KiB are counted, %d KiB held", n, counted>>10, held>>10)
				if held > counted*5/4+slack {
					t.Errorf("%d KiB are held and %d counted", held>>10, counted>>10)
				}
				if counted > 3*held+slack {
					t.Errorf("only %d KiB are held of %d that are counted", held>>10, counted>>10)
				}
				s.proceed()
			})
		}
		s.end()
	}
}

// The reader waits when InboxBytes are reached.
func TestInboxBytesStopTheReader(t *testing.T) {
	t.Parallel()
	const limit, size = 1 << 20, 100_000
	s := newStuck(t, &socketio.Options{InboxBytes: limit})
	defer s.end()
	go s.client.TrySend(slices.Repeat([]string{`42["e","` + strings.Repeat("x", size) + `"]`}, 50)...)
	waitFor(t, "the reader to wait", func() bool { return socketio.ReaderWaits(s.socket) })
	counted, n := socketio.HeldBytes(s.socket), socketio.Pending(s.socket)
	if want := limit / size; n > want || n < want-1 || counted > limit+1000 {
		t.Errorf("%d events of %d bytes wait, and %d bytes are counted, with a limit of %d", n, size, counted, limit)
	}
}

// The budget is the connection's, however many namespaces it is in.
func TestInboxBytesAreOfAllNamespaces(t *testing.T) {
	t.Parallel()
	const limit, size, namespaces = 1 << 20, 100_000, 40
	s := newStuck(t, &socketio.Options{InboxBytes: limit})
	defer s.end()
	for i := range namespaces {
		s.client.Join(fmt.Sprintf("/n%d", i))
	}
	text := strings.Repeat("x", size)
	go func() {
		for i := range namespaces {
			s.client.TrySend(fmt.Sprintf(`42/n%d,["e","%s"]`, i, text))
		}
	}()
	waitFor(t, "the reader to wait", func() bool { return socketio.ReaderWaits(s.socket) })
	if counted := socketio.HeldBytes(s.socket); counted > limit+2*size {
		t.Errorf("%d bytes are held with a limit of %d", counted, limit)
	}
}

// A packet whose attachments have not all come is counted, and forgotten with its
// connection.
func TestIncompletePacketIsCounted(t *testing.T) {
	t.Parallel()
	s := newStuck(t, nil)
	data := bytes.Repeat([]byte("x"), 500_000)
	packet := encode(t, parser.JSON, parser.Header{Type: parser.Event}, "e", repeated(10, data)...)
	before := socketio.HeldBytes(s.socket)
	s.client.Send(packet[:len(packet)-1]...)
	waitFor(t, "nine attachments", func() bool { return socketio.HeldBytes(s.socket) >= before+9*len(data) })
	s.end()
}

// The auth of all namespaces together is bounded, too.
func TestAuthIsBounded(t *testing.T) {
	const limit, namespaces = 1 << 20, 20
	s := newStuck(t, &socketio.Options{InboxBytes: limit})
	auth := fmt.Sprintf(`{"token":"%s"}`, strings.Repeat("x", 100_000))
	before, accepted := liveHeap(), 0
	for i := range namespaces {
		nsp := fmt.Sprintf("/n%d,", i)
		s.client.Send("40" + nsp + auth)
		switch answer := s.client.Read(); {
		case strings.HasPrefix(answer, "40"+nsp):
			accepted++
		case answer != "44"+nsp+`{"message":"Too much auth"}`:
			t.Fatalf("answered %q", answer)
		}
	}
	held, counted := liveHeap()-before, socketio.HeldBytes(s.socket)
	if accepted != limit/100_500 {
		t.Errorf("%d of %d were accepted", accepted, namespaces)
	}
	if counted > limit+1000 || held > counted*5/4+100_000 {
		t.Errorf("%d bytes are held, %d counted, with a limit of %d", held, counted, limit)
	}
	// What is left makes room, as soon as its handlers have ended.
	s.client.Send("41/n0,", "40/n19,"+auth)
	if got, want := s.client.Read(), "40/n19,"; !strings.HasPrefix(got, want) {
		t.Errorf("answered %q, want %s...", got, want)
	}
	s.end()
}

// A client that leaves a namespace and joins it again is not refused because the handlers
// of the socket that it has left still run: a program in JavaScript would not ask again.
func TestAuthOfANamespaceThatWasLeft(t *testing.T) {
	var log logBuffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	io, url, _ := newServer(t, &socketio.Options{InboxBytes: 1000, Logger: logger})
	entered, release := make(chan struct{}), make(chan struct{})
	io.On("block", func() { close(entered); <-release })
	auth := fmt.Sprintf(`{"token":"%s"}`, strings.Repeat("x", 600))
	c := wiretest.Dial(t, url, "websocket")
	c.Send(`40` + auth)
	c.Read()
	c.Send(`42["block"]`)
	receive(t, entered, "the handler")
	c.Send(`41`, `40`+auth)
	waitFor(t, "the request to wait", func() bool { return strings.Contains(log.String(), "request waits for room") })
	if n := len(io.Sockets()); n != 0 {
		t.Errorf("%d sockets have joined while the handler runs, want none", n)
	}
	close(release)
	if got, want := c.Read(), `40{"sid":`; !strings.HasPrefix(got, want) {
		t.Errorf("answered %q, want %s...", got, want)
	}
}

// The auth of a socket whose client asks for the namespace again is counted until its
// middleware returns.
func TestAuthOfASupersededRequest(t *testing.T) {
	io, url, _ := newServer(t, &socketio.Options{InboxBytes: 1000})
	io.Of("/other").On("ping", func() string { return "pong" })
	sockets, release := make(chan *socketio.Socket, 2), make(chan struct{})
	io.Use(func(_ context.Context, s *socketio.Socket) error { sockets <- s; <-release; return nil })
	auth := fmt.Sprintf(`{"token":"%s"}`, strings.Repeat("x", 600))
	c := wiretest.Dial(t, url, "websocket")
	c.Join("/other")
	c.Send(`40` + auth)
	s := receive(t, sockets, "the middleware")
	before := socketio.HeldBytes(s)
	c.Send(`40`+auth, `42/other,1["ping"]`)
	c.Expect(`43/other,1["pong"]`)
	waitFor(t, "the second auth to be counted", func() bool { return socketio.HeldBytes(s) >= 2*before })
	close(release)
	if got, want := c.Read(), `40{"sid":`; !strings.HasPrefix(got, want) {
		t.Errorf("answered %q, want %s...", got, want)
	}
	waitFor(t, "the first auth to be forgotten", func() bool { return socketio.HeldBytes(s) == before })
}

// The auth of a client of version 2 is made of its query, and longer in JSON.
func TestAuthOfAnOldClient(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{InboxBytes: 100_000, Engine: engine.ServerOptions{AllowEIO3: true}})
	n := io.Of("/n")
	c := wiretest.Dial(t, url, "websocket", "EIO=3")
	c.Expect("40")
	c.Send("40/n?x=" + strings.Repeat("<", 10_000))
	c.Expect("40/n,")
	s := n.Sockets()[0]
	auth := len(s.Handshake().Auth.Raw(0))
	if held := socketio.HeldBytes(s); held < auth || auth < 60_000 {
		t.Errorf("%d bytes are counted, and an auth of 60000 has %d", held, auth)
	}
	c.Send("40/n2?x=" + strings.Repeat("<", 10_000))
	if answer := c.Read(); !strings.Contains(answer, "Too much auth") {
		t.Errorf("answered %q, want that it is too much auth", answer)
	}
}

// A request for a namespace of too long a name is refused at once, and does not wait with
// the name for the handlers of namespaces that the client has left.
func TestLongNameDoesNotWait(t *testing.T) {
	t.Parallel()
	long := "/" + strings.Repeat("x", 2000)
	io, url, _ := newServer(t, &socketio.Options{MaxNamespaces: 1})
	known := io.Of(long + "/known")
	entered, release := make(chan struct{}), make(chan struct{})
	io.On("block", func() { close(entered); <-release })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`42["block"]`)
	receive(t, entered, "the handler")
	c.Send("41", "40"+long+",")
	c.Expect("44" + long + `,{"message":"Invalid namespace: the name is too long"}`)
	close(release)
	c.Join(known.Name()) // the application has chosen that name
}

// A handler whose event is larger than InboxBytes may wait for an answer of its client,
// whose other events are read meanwhile.
func TestLargeEventDoesNotStopTheReader(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{InboxBytes: 10_000})
	io.On("upload", func(s *socketio.Socket, data []byte) (int, error) {
		_, err := s.EmitWithAck(t.Context(), "more?")
		return len(data), err
	})
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(encode(t, parser.JSON, parser.Header{Type: parser.Event, ID: 7, HasID: true}, "upload", make([]byte, 500_000))...)
	ask := c.Read()
	id := strings.TrimSuffix(strings.TrimPrefix(ask, "42"), `["more?"]`)
	c.Send(`42["other","a"]`, `42["other","b"]`, `43`+id+`["yes"]`)
	c.Expect(`437[500000]`)
}

// The same holds for an event that begins while the reader waits for room already.
func TestReaderGoesOnWhenALargeEventBegins(t *testing.T) {
	t.Parallel()
	for name, sizes := range map[string][]int{
		"one large event":            {60_000, 30_000, 30_000},
		"one that is less than half": {40_000, 55_000, 30_000},
	} {
		t.Run(name, func(t *testing.T) {
			io, url, _ := newServer(t, &socketio.Options{InboxBytes: 100_000})
			entered, answers := make(chan *socketio.Socket), make(chan error, 1)
			io.On("first", func(s *socketio.Socket) { entered <- s; entered <- s })
			io.On("ask", func(s *socketio.Socket, _ socketio.Args) {
				ctx, cancel := context.WithTimeout(t.Context(), wiretest.Timeout/2)
				defer cancel()
				_, err := s.EmitWithAck(ctx, "q")
				answers <- err
			})
			c, _ := wiretest.Join(t, url, "websocket", "/")
			c.Send(`42["first"]`)
			s := receive(t, entered, "the first event")
			for i, event := range []string{"ask", "other", "other"} {
				c.Send(`42["` + event + `","` + strings.Repeat("x", sizes[i]) + `"]`)
			}
			waitFor(t, "the reader to wait", func() bool { return socketio.ReaderWaits(s) })
			receive(t, entered, "the end of the first event")
			c.Send(`43` + ackID(t, c.Read(), `["q"]`) + `[]`)
			if err := receive(t, answers, "the answer"); err != nil {
				t.Error(err)
			}
		})
	}
}

// A reader that waits for room continues when auth that took the room is released.
func TestReaderGoesOnWhenAuthIsReleased(t *testing.T) {
	t.Parallel()
	const limit = 10_000
	io, url, _ := newServer(t, &socketio.Options{InboxBytes: limit})
	other := io.Of("/other")
	answers := make(chan error, 1)
	io.On("ask", func(s *socketio.Socket) {
		_, err := s.EmitWithAck(deadline(t), "q")
		answers <- err
	})
	c, _ := wiretest.Join(t, url, "websocket", "/")
	s := io.Sockets()[0]
	c.Send(`40/other,{"token":"` + strings.Repeat("x", limit*9/10) + `"}`)
	if answer := c.Read(); !strings.HasPrefix(answer, "40/other,{") {
		t.Fatalf("joining was answered %q", answer)
	}
	c.Send(`42["ask"]`)
	id := ackID(t, c.Read(), `["q"]`)
	c.Send(`42["waits"]`, `42["has no room","`+strings.Repeat("x", limit/2)+`"]`, `43`+id+`[]`)
	waitFor(t, "the reader to wait", func() bool { return socketio.ReaderWaits(s) })
	other.Sockets()[0].Disconnect()
	if err := receive(t, answers, "the answer"); err != nil {
		t.Error(err)
	}
}
