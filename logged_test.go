package socketio_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// mostLogged is what one thing that a peer does may write to a log, with the stack of a
// panic.
const mostLogged = 12 << 10

// big is what a peer sends to be quoted, less than a payload also in base64.
var big = strings.Repeat("7", 700_000)

// quoted are events, and handlers that do not like them and quote the peer.
var quoted = map[string]struct {
	handler any
	arg     any
}{
	"number into int":         {func(int) {}, json.RawMessage(big)},
	"number into any":         {func(any) {}, json.RawMessage(big)},
	"string into int":         {func(int) {}, big},
	"string into time":        {func(time.Time) {}, big},
	"key into map":            {func(map[int]int) {}, map[string]int{"x" + big: 1}},
	"string into bytes":       {func([]byte) {}, "*" + big},
	"string into struct":      {func(struct{ A int8 }) {}, map[string]string{"A": big}},
	"string into rest":        {func(...bool) {}, big},
	"shown arguments":         {func(args socketio.Args) error { return fmt.Errorf("bad arguments: %v", args) }, big},
	"the application's":       {func(s string) error { return fmt.Errorf("unknown name %q", s) }, big},
	"joined errors":           {func(s string) error { return errors.Join(io.EOF, errors.New(s)) }, big},
	"panic":                   {func(s string) { panic(s) }, big},
	"panic with an error":     {func(s string) { panic(errors.New(s)) }, big},
	strings.Repeat("x", 1000): {func(int) {}, big},
}

// What one event of a peer writes to the log is bounded, at both ends.
func TestLogOfAnEventIsBounded(t *testing.T) {
	t.Parallel()
	for name, codec := range map[string]parser.Codec{"json": parser.JSON, "msgpack": msgpack.Codec} {
		for event, q := range quoted {
			if _, isNumber := q.arg.(json.RawMessage); isNumber && codec != parser.JSON {
				continue // there are no such numbers
			}
			t.Run(fmt.Sprintf("%s/%.30s", name, event), func(t *testing.T) {
				ours, theirs := new(logBuffer), new(logBuffer)
				io := socketio.NewServer(&socketio.Options{Codec: codec, Logger: slog.New(slog.NewTextHandler(ours, nil))})
				url := wiretest.Serve(t, io)
				c := client.New(url, &client.Options{Codec: codec, Logger: slog.New(slog.NewTextHandler(theirs, nil))})
				io.On(event, q.handler)
				c.On(event, q.handler)
				if err := c.Connect(deadline(t)); err != nil {
					t.Fatal(err)
				}
				if err := io.Emit(event, q.arg); err != nil {
					t.Fatal(err)
				}
				logged := func(b *logBuffer) func() bool { return func() bool { return b.String() != "" } }
				waitFor(t, "the client's log", logged(theirs))
				if err := c.Emit(event, q.arg); err != nil {
					t.Fatal(err)
				}
				waitFor(t, "the server's log", logged(ours))
				if err := io.Shutdown(deadline(t)); err != nil {
					t.Fatal(err)
				}
				c.Manager().Close()
				for end, b := range map[string]*logBuffer{"server": ours, "client": theirs} {
					if n := len(b.String()); n > mostLogged {
						t.Errorf("the %s's log has %d bytes: %.1000s", end, n, b)
					}
				}
			})
		}
	}
}

// The texts of errors that quote a peer are cut; what they are made of is not.
func TestErrorTextsAreCut(t *testing.T) {
	t.Parallel()
	args, err := parser.ArgsOf(big)
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New(big)
	for _, v := range []fmt.Stringer{
		text{&socketio.EventError{Event: big, Err: io.EOF}}, text{&client.EventError{Event: big, Err: io.EOF}},
		text{&socketio.PanicError{Value: cause}}, text{&client.PanicError{Value: cause}},
		text{&socketio.AckError{Args: []any{big}}}, text{&client.AckError{Args: []any{big}}},
		text{&client.ConnectError{Message: big}}, text{args.Decode(new(int))}, args,
	} {
		if n := len(v.String()); n > 5000 {
			t.Errorf("%T has a text of %d bytes", v, n)
		}
	}
}

// text is an error by its text.
type text struct{ error }

func (t text) String() string { return t.Error() }
