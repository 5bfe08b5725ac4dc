package msgpack_test

import (
	"fmt"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// exampleTB stands for the *testing.T of a real test.
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

// Handlers are the same for all codecs; clients must have the codec of the server.
func Example_server() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()

	io := socketiotest.NewServer(t, &socketio.Options{Codec: msgpack.Codec})
	io.On("tomorrow", func(now time.Time, note []byte) (time.Time, []byte) {
		return now.AddDate(0, 0, 1), append(note, '!')
	})

	c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Codec: msgpack.Codec})
	var tomorrow time.Time
	var note []byte
	err := c.Call("tomorrow", time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC), []byte("soon")).Decode(&tomorrow, &note)
	fmt.Println(tomorrow.Format(time.DateTime), string(note), err)
	// Output: 2027-01-01 12:00:00 soon! <nil>
}
