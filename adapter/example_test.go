package adapter_test

import (
	"fmt"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// counting is an adapter that counts broadcasts and delegates to Memory.
type counting struct {
	*adapter.Memory
	broadcasts *atomic.Int64
}

func (c counting) Broadcast(p *adapter.Packet, t adapter.Target) error {
	c.broadcasts.Add(1)
	return c.Memory.Broadcast(p, t)
}

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

// An adapter may build on another one.
func ExampleAdapter() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()

	var broadcasts atomic.Int64
	io := socketiotest.NewServer(t, &socketio.Options{
		Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
			return counting{adapter.NewMemory(h), &broadcasts}
		}),
	})
	c := socketiotest.Connect(t, io, nil)
	io.Emit("news", 1)
	io.Emit("news", 2)
	fmt.Println(c.Next(), c.Next(), broadcasts.Load())
	// Output: "news" [1] "news" [2] 2
}

// The sockets that a target selects.
func ExampleMemory_Sockets() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	io.On("join", func(s *socketio.Socket, rooms ...string) error { return s.Join(rooms...) })
	ann := socketiotest.Connect(t, io, nil)
	bob := socketiotest.Connect(t, io, nil)
	ann.Call("join", "tea")
	bob.Call("join", "tea", "muted")

	rooms := io.Adapter()
	for _, s := range rooms.Sockets(adapter.Target{Rooms: []string{"tea"}, Except: []string{"muted"}}) {
		fmt.Println(s.ID() == ann.ID(), rooms.Rooms(s)[1:])
	}
	// Output: true [tea]
}
