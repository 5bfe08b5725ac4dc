package socketio_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/parser"
)

// The ways in which an application's function may not return.
var notReturning = map[string]func(){
	"panics": func() { panic("in the application") },
	"exits":  runtime.Goexit,
}

// unencodable is a value whose encoding does not return.
type unencodable struct{ fail func() }

func (u unencodable) MarshalJSON() ([]byte, error) {
	u.fail()
	return nil, nil
}

// joinedSocket returns a client in the main namespace, and its socket.
func joinedSocket(t *testing.T, io *socketio.Server, url string) (*wiretest.Client, *socketio.Socket) {
	t.Helper()
	c, id := wiretest.Join(t, url, "websocket", "/")
	var s *socketio.Socket
	waitFor(t, "the socket", func() bool { s = io.Socket(id); return s != nil })
	return c, s
}

// An acknowledgement is not waited for when the question could not be asked.
func TestAskingThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	for how, fail := range notReturning {
		t.Run(how, func(t *testing.T) {
			io, url, _ := newServer(t, &socketio.Options{MaxPendingAcks: 2})
			c, s := joinedSocket(t, io, url)
			for range 3 {
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer func() { _ = recover() }()
					_, _ = s.EmitWithAck(context.Background(), "question", unencodable{fail})
				}()
				receive(t, done, "the end of EmitWithAck")
			}
			if n := io.Stats().PendingAcks; n != 0 {
				t.Errorf("%d acknowledgements are waited for", n)
			}
			go func() { c.Send(`43` + ackID(t, c.Read(), `["question"]`) + `[]`) }()
			if _, err := s.EmitWithAck(t.Context(), "question"); err != nil {
				t.Error(err)
			}
		})
	}
}

// A socket leaves its rooms, and makes room for another, whatever the functions for its
// end do.
func TestLeavingThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	type functions struct {
		io     *socketio.Server
		socket *socketio.Socket
		hooks  *socketio.Hooks
		fail   func()
	}
	places := map[string]func(f functions){
		"OnDisconnecting of the namespace": func(f functions) {
			f.io.OnDisconnecting(func(*socketio.Socket, socketio.Reason) { f.fail() })
		},
		"OnDisconnecting of the socket": func(f functions) {
			f.socket.OnDisconnecting(func(socketio.Reason) { f.fail() })
		},
		"OnDisconnect": func(f functions) {
			f.io.OnDisconnect(func(*socketio.Socket, socketio.Reason) { f.fail() })
		},
		"Hooks.Disconnected": func(f functions) {
			f.hooks.Disconnected = func(*socketio.Socket, socketio.Reason) { f.fail() }
		},
		"OnError": func(f functions) {
			f.socket.OnDisconnecting(func(socketio.Reason) { panic("an error to be reported") })
			f.socket.OnError(func(error) { f.fail() })
		},
		"OnRoom": func(f functions) {
			f.io.OnRoom(func(e socketio.RoomEvent) {
				// The first event of the end. The function may be called for further ones on
				// the goroutine that admits the next socket, which it would keep out.
				if e.Kind == socketio.RoomLeft && e.Room == "room" {
					f.fail()
				}
			})
		},
	}
	for place, register := range places {
		for how, fail := range notReturning {
			t.Run(place+" "+how, func(t *testing.T) {
				t.Parallel()
				hooks := new(socketio.Hooks)
				io, url, _ := newServer(t, &socketio.Options{MaxNamespaces: 1, Hooks: hooks})
				first := true
				io.OnConnect(func(s *socketio.Socket) {
					if first {
						first = false
						register(functions{io, s, hooks, fail})
						emit(t, s.Join("room"))
					}
				})
				left := make(chan struct{}, 1)
				io.OnDisconnect(func(*socketio.Socket, socketio.Reason) {
					select {
					case left <- struct{}{}:
					default:
					}
				})
				c, _ := wiretest.Join(t, url, "websocket", "/")
				waitFor(t, "the room", func() bool { return len(io.Rooms()) == 1 })
				c.Send(`41`)
				c.Join("/") // the limit of namespaces counts one that has not left
				receive(t, left, "OnDisconnect")
				if rooms := io.Rooms(); len(rooms) != 0 {
					t.Errorf("the rooms %q are left", rooms)
				}
				c.Leave()
				waitFor(t, "the end", func() bool { return socketio.Users(io.Of("/")) == 0 })
				if s := io.Stats(); s.Sockets != 0 || s.Connections != 0 {
					t.Errorf("left over: %+v", s)
				}
			})
		}
	}
}

// failingJSON is data that does not become JSON.
type failingJSON func()

func (f failingJSON) MarshalJSON() ([]byte, error) { f(); return nil, nil }

// failingCodec does not encode that a client has joined a namespace other than the main one.
type failingCodec struct {
	parser.Codec
	fail func()
}

func (c failingCodec) Append(dst []byte, h parser.Header, event string, args []any) ([]byte, [][]byte, error) {
	if h.Type == parser.Connect && h.Namespace != "/" {
		c.fail()
	}
	return c.Codec.Append(dst, h, event, args)
}

// checkRefused checks that a client which is refused learns of it, or reconnects.
func checkRefused(t *testing.T, url, how string) {
	t.Helper()
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send("40/n,")
	if how == "exits" {
		c.ExpectClosed()
		return
	}
	c.Expect(`44/n,{"message":"no"}`)
	c.Send("40/n,")
	c.Expect(`44/n,{"message":"no"}`)
}

// A client is answered, or its connection ends, whatever the functions that decide on
// it do.
func TestConnectingThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	for how, fail := range notReturning {
		t.Run("middleware "+how, func(t *testing.T) {
			io, url, errs := newServer(t, nil)
			io.Use(func(context.Context, *socketio.Socket) error { fail(); return nil })
			c := wiretest.Dial(t, url, "websocket")
			c.Send("40")
			c.ExpectClosed() // which is not final for the client, as an answer would be
			waitFor(t, "the end", func() bool { return socketio.Users(io.Of("/")) == 0 })
			if all := errs.all(); how == "panics" && (len(all) != 1 || !errors.As(all[0], new(*socketio.PanicError))) {
				t.Errorf("the error hook got %v, want one *PanicError", all)
			}
		})
		t.Run("Refused "+how, func(t *testing.T) {
			io, url, _ := newServer(t, &socketio.Options{Hooks: &socketio.Hooks{Refused: func(string, error) { fail() }}})
			io.Of("/n").Use(func(context.Context, *socketio.Socket) error { return errors.New("no") })
			checkRefused(t, url, how)
		})
		t.Run("data of a refusal "+how, func(t *testing.T) {
			io, url, _ := newServer(t, nil)
			io.Of("/n").Use(func(context.Context, *socketio.Socket) error {
				return &socketio.ConnectError{Message: "no", Data: failingJSON(fail)}
			})
			checkRefused(t, url, how)
		})
		t.Run("OnRoom "+how, func(t *testing.T) {
			io, url, _ := newServer(t, nil)
			io.OnRoom(func(socketio.RoomEvent) { fail() })
			c := wiretest.Dial(t, url, "websocket")
			c.Send("40")
			if how == "exits" { // in the middle of the admission
				c.ExpectClosed()
			} else if answer := c.Read(); !strings.HasPrefix(answer, "40{") {
				t.Errorf("answered %q", answer)
			}
			c.Leave()
			waitFor(t, "the end", func() bool { return socketio.Users(io.Of("/")) == 0 && len(io.Sockets()) == 0 })
		})
		t.Run("codec "+how, func(t *testing.T) {
			io, url, _ := newServer(t, &socketio.Options{Codec: failingCodec{parser.JSON, fail}})
			n := io.Of("/n")
			c, _ := wiretest.Join(t, url, "websocket", "/")
			s := io.Sockets()[0]
			c.Send(`40/n,{"token":"x"}`)
			c.ExpectClosed()
			waitFor(t, "the end", func() bool { return socketio.HeldBytes(s) == 0 && socketio.Users(n) == 0 })
		})
	}
}
