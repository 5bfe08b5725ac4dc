package socketio_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/event"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// pattern returns data that shows when a byte of it is another's.
func pattern(client, message, size int) string {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(client*31 + message*7 + i)
	}
	return string(b)
}

type labelled struct {
	Label string
	Data  socketio.Borrowed
}

var contract = event.NewCall[labelled, socketio.Borrowed]("contract")

const blobPlaceholder = `{"_placeholder":true,"num":0}`

// Clients send data of all sizes at the same time. What is lent is right while its
// handler runs, and so is all that becomes of it; what is kept never changes.
func TestBorrowed(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"websocket", "polling"} {
		t.Run(transport, func(t *testing.T) {
			io, url, errs := newServer(t, nil)
			type kept struct{ data, copied []byte }
			var mu sync.Mutex
			var all []kept
			keep := func(data []byte) {
				mu.Lock()
				defer mu.Unlock()
				all = append(all, kept{data, bytes.Clone(data)})
			}
			io.OnConnect(func(s *socketio.Socket) { s.Join("room") })
			io.On("lend", func(b socketio.Borrowed) socketio.Borrowed { runtime.Gosched(); return b })
			io.On("lend some", func(n int, b socketio.Borrowed) (int, []byte) { return n, b[:len(b)/2] })
			io.On("lend and emit", func(s *socketio.Socket, b socketio.Borrowed) error {
				if err := s.Emit("back", b); err != nil {
					return err
				}
				if err := s.In(s.ID()).Emit("others", []byte(b)); err != nil {
					return err
				}
				if err := io.To(s.ID()).Emit("back", []socketio.Borrowed{b}); err != nil {
					return err
				}
				clear(b)
				return nil
			})
			io.On("lend and ack", func(b socketio.Borrowed, ack func(any)) { ack(b); clear(b) })
			event.Answer(io, contract, func(_ context.Context, _ *socketio.Socket, data labelled) (socketio.Borrowed, error) {
				runtime.Gosched()
				return data.Data, nil
			})
			io.On("keep", func(b []byte) []byte { keep(b); return b })
			io.On("refuse", func(b socketio.Borrowed) error { return &socketio.AckError{Args: []any{b}} })

			var clients sync.WaitGroup
			for i := range 6 {
				clients.Go(func() {
					c, _ := wiretest.Join(t, url, transport, "/")
					random := rand.New(rand.NewPCG(1, uint64(i)))
					for n := range 30 {
						size := 1 + random.IntN(3000)
						if n%5 == 0 {
							size = 10_000 + random.IntN(60_000)
						}
						data := pattern(i, n, size)
						ask := func(id int, event, args string) {
							c.Send(fmt.Sprintf(`451-%d["%s",%s]`, id, event, args), wiretest.Binary(data))
						}
						ask(1, "keep", blobPlaceholder)
						ask(2, "lend", blobPlaceholder)
						ask(3, "lend some", "7,"+blobPlaceholder)
						ask(4, "lend and emit", blobPlaceholder)
						ask(5, "lend and ack", blobPlaceholder)
						ask(6, "refuse", blobPlaceholder)
						ask(7, "contract", `"label",`+blobPlaceholder)
						for _, want := range []string{
							`461-1[` + blobPlaceholder + `]`, wiretest.Binary(data),
							`461-2[` + blobPlaceholder + `]`, wiretest.Binary(data),
							`461-3[7,` + blobPlaceholder + `]`, wiretest.Binary(data[:size/2]),
							`451-["back",` + blobPlaceholder + `]`, wiretest.Binary(data),
							`451-["back",[` + blobPlaceholder + `]]`, wiretest.Binary(data),
							`434[]`,
							`461-5[` + blobPlaceholder + `]`, wiretest.Binary(data),
							`461-6[` + blobPlaceholder + `]`, wiretest.Binary(data),
							`461-7[` + blobPlaceholder + `]`, wiretest.Binary(data),
						} {
							if got := c.Read(); got != want {
								t.Errorf("client %d, message %d: got %.80q of %d bytes, want %.80q of %d", i, n, got, len(got), want, len(want))
								return
							}
						}
					}
				})
			}
			clients.Wait()
			for _, k := range all {
				if !bytes.Equal(k.data, k.copied) {
					t.Fatalf("%d bytes that a handler has kept were changed", len(k.data))
				}
			}
			if all := errs.all(); len(all) > 0 {
				t.Errorf("errors: %v", all)
			}
		})
	}
}

// What cannot be lent is copied: these handlers break the rule and keep it, without
// consequences.
func TestBorrowedCopies(t *testing.T) {
	t.Parallel()
	const size = 4000
	var kept []socketio.Borrowed
	keep := func(b ...socketio.Borrowed) { kept = append(kept, b...) }
	twice := blobPlaceholder + "," + blobPlaceholder
	for name, test := range map[string]struct {
		args     string
		register func(io *socketio.Server)
	}{
		"twice": {twice, func(io *socketio.Server) {
			io.On("e", func(a, b socketio.Borrowed) { keep(a, b) })
		}},
		"beside a []byte": {twice, func(io *socketio.Server) {
			io.On("e", func(a socketio.Borrowed, b []byte) { keep(a, b) })
		}},
		"beside an any": {blobPlaceholder + `,{"a":[` + blobPlaceholder + `]}`, func(io *socketio.Server) {
			io.On("e", func(a socketio.Borrowed, b any) { keep(a, b.(map[string]any)["a"].([]any)[0].([]byte)) })
		}},
		"in a struct": {`{"a":` + blobPlaceholder + `}`, func(io *socketio.Server) {
			io.On("e", func(s struct{ A socketio.Borrowed }) { keep(s.A) })
		}},
		"in the rest": {blobPlaceholder, func(io *socketio.Server) {
			io.On("e", func(rest ...socketio.Borrowed) { keep(rest...) })
		}},
		"before Args": {blobPlaceholder, func(io *socketio.Server) {
			io.On("e", func(b socketio.Borrowed, _ socketio.Args) { keep(b) })
		}},
		"from Args": {blobPlaceholder, func(io *socketio.Server) {
			io.On("e", func(args socketio.Args) error {
				var b socketio.Borrowed
				err := args.Decode(&b)
				keep(b)
				return err
			})
		}},
		"two handlers, one a contract": {blobPlaceholder, func(io *socketio.Server) {
			event.On(io, event.New[socketio.Borrowed]("e"), func(_ context.Context, _ *socketio.Socket, b socketio.Borrowed) error {
				keep(b)
				return nil
			})
			io.On("e", func(b []byte) { keep(b) })
		}},
		"two handlers": {blobPlaceholder, func(io *socketio.Server) {
			for range 2 {
				io.On("e", func(b socketio.Borrowed) { keep(b) })
			}
		}},
		"OnAny": {blobPlaceholder, func(io *socketio.Server) {
			io.On("e", func(socketio.Borrowed) {})
			io.OnAny(func(_ *socketio.Socket, event string, args socketio.Args) {
				var b socketio.Borrowed
				if event != "e" {
					return
				}
				if err := args.Decode(&b); err != nil {
					t.Error(err)
				}
				keep(b)
			})
		}},
		"OnAny of the socket": {blobPlaceholder, func(io *socketio.Server) {
			io.On("e", func(b socketio.Borrowed) { keep(b) })
			io.OnConnect(func(s *socketio.Socket) { s.OnAny(func(string, socketio.Args) {}) })
		}},
		"packet middleware": {blobPlaceholder, func(io *socketio.Server) {
			io.On("e", func(b socketio.Borrowed) { keep(b) })
			io.UsePacket(func(context.Context, *socketio.Socket, string, socketio.Args) error { return nil })
		}},
		"panic": {blobPlaceholder, func(io *socketio.Server) {
			io.On("e", func(b socketio.Borrowed) { keep(b); panic("on purpose") })
		}},
		"Goexit": {blobPlaceholder, func(io *socketio.Server) {
			io.On("e", func(b socketio.Borrowed) { keep(b); runtime.Goexit() })
		}},
		"error": {blobPlaceholder, func(io *socketio.Server) {
			io.On("e", func(b socketio.Borrowed) error { keep(b); return fmt.Errorf("on purpose") })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			kept = nil
			io, url, _ := newServer(t, nil)
			test.register(io)
			io.On("other", func([]byte) {}) // which uses up what there is in the pool
			io.On("done", func() bool { return true })
			c, _ := wiretest.Join(t, url, "websocket", "/")
			data := pattern(1, 1, size)
			c.Send(`451-["e",`+test.args+`]`, wiretest.Binary(data))
			d := c
			if name == "panic" {
				c.Expect("41")
				d, _ = wiretest.Join(t, url, "websocket", "/")
			}
			for range 10 {
				d.Send(`421["done"]`)
				d.Expect(`431[true]`)
				for range 5 {
					d.Send(`451-["other",`+blobPlaceholder+`]`, wiretest.Binary(strings.Repeat("x", size)))
				}
			}
			d.Send(`421["done"]`)
			d.Expect(`431[true]`)
			if len(kept) == 0 {
				t.Fatal("the handler was not called")
			}
			for _, b := range kept {
				if string(b) != data {
					t.Error("the data has changed")
				}
			}
		})
	}
}

// What is lent may be sent in an event that is kept for clients which come back.
func TestBorrowedWithRecovery(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{Recovery: &socketio.Recovery{}})
	io.On("tell", func(b socketio.Borrowed) error {
		defer clear(b)
		return io.Emit("news", b)
	})
	s := new(session)
	s.connect(t, url, "websocket")
	const size = 2000
	data := pattern(1, 1, size)
	tell := func(data string) {
		s.client.Send(`451-1["tell",`+blobPlaceholder+`]`, wiretest.Binary(data))
		if event := s.client.Read(); !strings.HasPrefix(event, `451-["news",`) {
			t.Fatalf("got %q", event)
		}
		s.client.Expect(wiretest.Binary(data), `431[]`)
	}
	if err := io.Emit("first"); err != nil {
		t.Fatal(err)
	}
	s.read(t, 1)
	tell(data)
	for range 20 {
		tell(strings.Repeat("x", size))
	}
	s.client.Close()
	s.client = wiretest.Dial(t, url, "websocket")
	s.client.Send(fmt.Sprintf(`40{"pid":%q,"offset":%q}`, s.pid, s.offset))
	s.client.Read()
	s.client.Expect(wiretest.Binary(data))
}
