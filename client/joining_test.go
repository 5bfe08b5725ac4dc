package client_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// newSlow returns a server that lets sockets into "/" and never answers others, and a
// client that is connected to it and gives up a request after 5 s.
func newSlow(t *testing.T) (*fake, *client.Socket) {
	f := newFake(t, func(c *engine.Conn, message string) {
		if message == "0" {
			say(c, granted)
		}
	})
	c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.ConnectTimeout = 5 * time.Second })
	return f, connect(t, c)
}

// times notes when the functions of OnConnectError are called.
func times(c *client.Socket) *list[time.Duration] {
	all, start := new(list[time.Duration]), time.Now()
	c.OnConnectError(func(err error) {
		if errors.Is(err, client.ErrConnectTimeout) {
			all.add(time.Since(start))
		}
	})
	return all
}

// A request to join that is not answered is reported again and again.
func TestNoAnswerIsReportedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := newSlow(t)
		slow := c.Manager().Socket("/slow", nil)
		reports := times(slow)
		if err := slow.Open(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(16 * time.Second)
		if got, want := fmt.Sprint(reports.get()), "[5s 10s 15s]"; got != want {
			t.Errorf("OnConnectError was called after %s, want %s", got, want)
		}
	})
}

// A socket that was disconnected before the server has answered gets no report that the
// answer is missing, and the connection is not closed because of it, whether sockets or
// the manager keep it.
func TestNoAnswerAfterDisconnect(t *testing.T) {
	t.Parallel()
	for _, alone := range []bool{false, true} {
		t.Run(fmt.Sprintf("alone %v", alone), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, c := newSlow(t)
				m := c.Manager()
				if alone {
					if err := m.Connect(t.Context()); err != nil {
						t.Fatal(err)
					}
					c.Disconnect()
				}
				e := m.Engine()
				slow := m.Socket("/slow", nil)
				slow.OnConnectError(func(err error) { t.Errorf("OnConnectError was called with %v, want no call", err) })
				if err := slow.Open(); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				slow.Disconnect()
				time.Sleep(time.Minute)
				if m.Engine() != e {
					t.Error("the connection is another, want the same")
				}
			})
		})
	}
}

// The only socket of a connection gets one error for a missing answer.
func TestNoAnswerToTheOnlySocket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overWebSocket.client(t, newFake(t, nil).Server, "/", func(o *client.Options) {
			o.ConnectTimeout, o.NoReconnect = 5*time.Second, true
		})
		reports := times(c)
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got, want := fmt.Sprint(reports.get()), "[5s]"; got != want || c.Active() {
			t.Errorf("OnConnectError was called after %s, active %v, want %s, inactive", got, c.Active(), want)
		}
	})
}

// A socket that joins again before an earlier request was answered has as much time for
// that as for a request of its own.
func TestJoiningAgainTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := newSlow(t)
		slow := c.Manager().Socket("/slow", nil)
		reports := times(slow)
		if err := slow.Open(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		slow.Disconnect()
		if err := slow.Open(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5500 * time.Millisecond)
		if got, want := fmt.Sprint(reports.get()), "[9s]"; got != want {
			t.Errorf("OnConnectError was called after %s, want %s", got, want)
		}
	})
}

// Connect and Open of a socket that has asked to join do not ask again.
func TestOneRequestToJoin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, nil)
		c := overWebSocket.client(t, f.Server, "/", nil)
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		conn := <-f.conns
		synctest.Wait()
		result := make(chan error, 1)
		go func() { result <- c.Connect(t.Context()) }()
		synctest.Wait()
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(f.received); n != 1 {
			t.Errorf("the server got %d requests, want 1", n)
		}
		say(conn, granted)
		if err := <-result; err != nil {
			t.Errorf("Connect: %v, want no error", err)
		}
	})
}

// Sockets that are disconnected while a new connection is given to them stay out.
func TestDisconnectWhileJoining(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for range 20 {
			f := newFake(t, func(c *engine.Conn, message string) {
				if message[0] == '0' {
					say(c, message+granted[1:])
				}
			})
			m := client.NewManager(f.URL, overWebSocket.options(f.Server))
			if err := m.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
			all := make([]*client.Socket, 50)
			for i := range all {
				all[i] = m.Socket(fmt.Sprint("/", i), nil)
				if err := all[i].Open(); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			(<-f.conns).Close()
			<-f.conns
			for _, c := range all {
				c.Disconnect()
			}
			synctest.Wait()
			for _, c := range all {
				if c.Connected() || c.Active() {
					t.Fatalf("%s is connected %v, active %v, want neither", c.Namespace(), c.Connected(), c.Active())
				}
			}
			m.Close()
		}
	})
}

// A late answer to a request of a socket that has left makes room for the next request.
func TestLateAnswerAndTheNextRequest(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{"granted": "0/slow," + granted[1:], "refused": `4/slow,{"message":"no"}`} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, c := newSlow(t)
				conn := <-f.conns
				slow := c.Manager().Socket("/slow", nil)
				if err := slow.Open(); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				slow.Disconnect()
				say(conn, answer)
				synctest.Wait()
				if err := slow.Open(); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				requests := 0
				for len(f.received) > 0 {
					if <-f.received == "0/slow," {
						requests++
					}
				}
				if requests != 2 {
					t.Errorf("the server got %d requests, want 2", requests)
				}
			})
		})
	}
}

// An admission that is not valid does no harm to the connection if its socket has left.
func TestLateAdmissionThatIsNotValid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, c := newSlow(t)
		e := c.Manager().Engine()
		c.Manager().Socket("/slow", nil)
		say(<-f.conns, `0/slow,{"sid":7}`)
		synctest.Wait()
		if c.Manager().Engine() != e {
			t.Error("the connection is another, want the same")
		}
	})
}

// A connection that no connected socket uses any more is given up when a request to join
// is not answered.
func TestNoAnswerAfterOthersHaveLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := newSlow(t)
		e := c.Manager().Engine()
		slow := c.Manager().Socket("/slow", nil)
		if err := slow.Open(); err != nil {
			t.Fatal(err)
		}
		c.Disconnect()
		time.Sleep(10 * time.Second)
		select {
		case <-e.Done():
		default:
			t.Error("the connection is kept, want another after 5s")
		}
	})
}

// The offsets of events that come before the admission of a recovered session count.
func TestOffsetsOfMissedEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		connections := 0
		f := newFake(t, func(c *engine.Conn, message string) {
			if message[0] != '0' {
				return
			}
			if connections++; connections == 2 {
				say(c, `2["missed","Q7uWzb0"]`)
			}
			say(c, `0{"sid":"s","pid":"p"}`, `2["e"]`)
			if connections == 1 {
				say(c, `2["e","Q7uWzas"]`)
			}
		})
		c := connect(t, overWebSocket.client(t, f.Server, "/", nil))
		synctest.Wait()
		(<-f.conns).Close()
		time.Sleep(time.Minute)
		if _, got := c.Session(); got != "Q7uWzb0" || !c.Recovered() {
			t.Errorf("the offset is %q, recovered %v, want %q of a recovered session", got, c.Recovered(), "Q7uWzb0")
		}
	})
}

// A codec that cannot encode the request to join ends the attempt, and its error is that
// of Connect.
func TestRequestThatCannotBeEncoded(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	way := setting{overWebSocket.transports, failingCodec{parser.JSON}}
	c := way.client(t, srv, "/", nil)
	if err := c.Connect(within(t)); !errors.Is(err, errCodec) || c.Active() {
		t.Errorf("Connect: %v, active %v, want %v, inactive", err, c.Active(), errCodec)
	}
}

var errCodec = errors.New("no packets today")

type failingCodec struct{ parser.Codec }

func (failingCodec) Append([]byte, parser.Header, string, []any) ([]byte, [][]byte, error) {
	return nil, nil, errCodec
}
