//go:build unix

package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// smallBuffers is a listener whose connections have small socket buffers, so that
// a client that does not read is noticed soon.
type smallBuffers struct{ *net.TCPListener }

func (l smallBuffers) Accept() (net.Conn, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return c, c.SetWriteBuffer(4 << 10)
}

func smallReadBuffer(_, _ string, c syscall.RawConn) (err error) {
	controlErr := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10)
	})
	return errors.Join(controlErr, err)
}

// stalled connects and joins "/", and reads nothing from then on.
func stalled(t *testing.T, addr string) net.Conn {
	t.Helper()
	d := net.Dialer{Control: smallReadBuffer}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	if _, err := c.Write([]byte("\x81\x82\x00\x00\x00\x0040")); err != nil {
		t.Fatal(err)
	}
	return c
}

// Hundreds of clients that do not read cost what the options say and hold up
// no other client; what becomes of them is a matter of policy.
func TestClientsThatDoNotRead(t *testing.T) {
	const slow, healthy, outbox = 300, 5, 32 << 10
	for _, policy := range []engine.Overflow{engine.Disconnect, engine.DropOldest, engine.DropNewest, engine.Refuse} {
		t.Run(fmt.Sprint(policy), func(t *testing.T) {
			io, _, _ := newServer(t, &socketio.Options{Engine: engine.ServerOptions{
				OutboxBytes: outbox, Overflow: policy, WriteTimeout: time.Minute,
			}})
			left := make(chan error, slow+healthy)
			io.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) {
				if de, ok := errors.AsType[*socketio.DisconnectError](context.Cause(s.Context())); ok {
					left <- de.Err
				}
			})
			l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: io}
			go server.Serve(smallBuffers{l}) // ends with Close
			t.Cleanup(func() { server.Close() })
			addr := l.Addr().String()

			var stuck []net.Conn
			for range slow {
				stuck = append(stuck, stalled(t, addr))
			}
			var good []*wiretest.Client
			for range healthy {
				c, _ := wiretest.Join(t, "http://"+addr, "websocket", "/")
				good = append(good, c)
			}
			waitFor(t, "all sockets", func() bool { return len(io.Sockets()) == slow+healthy })
			before := heap()

			// Far more than sockets and outboxes take.
			text := strings.Repeat("x", 4<<10)
			const messages = 100
			for i := range messages {
				emit(t, io.Emit("m", i, text))
				for _, c := range good {
					c.Expect(fmt.Sprintf(`42["m",%d,"%s"]`, i, text))
				}
			}
			if policy == engine.Disconnect {
				for range slow {
					if err := receive(t, left, "the disconnection"); !errors.Is(err, engine.ErrOutboxFull) {
						t.Errorf("disconnected because of %v", err)
					}
				}
			} else if n := len(io.Sockets()); n != slow+healthy {
				t.Errorf("%d sockets are left", n)
			}
			stats := io.Stats()
			if stats.BufferedBytes > slow*(outbox+20<<10) {
				t.Errorf("%d bytes are buffered", stats.BufferedBytes)
			}
			if stats.Dropped < slow {
				t.Errorf("%d messages were dropped", stats.Dropped)
			}
			// A broadcast's bytes are shared, so the heap grows by far less than the
			// limits add up to.
			if grown := heap() - before; grown > slow*outbox {
				t.Errorf("the heap has grown by %d bytes", grown)
			}
			for _, c := range stuck {
				c.Close()
			}
			for _, c := range good {
				c.Close()
			}
			waitFor(t, "the end of all", func() bool { return io.Engine().Len() == 0 && len(io.Sockets()) == 0 })
		})
	}
}

// heap is the live heap in bytes.
func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A handler may register for the end of a backlog after that has come.
func TestOnDrainBehindTheDrain(t *testing.T) {
	t.Parallel()
	srv, url, _ := newServer(t, nil)
	emitted, read, told := make(chan struct{}), make(chan struct{}), make(chan struct{})
	srv.OnConnect(func(s *socketio.Socket) {
		if err := s.Emit("news"); err != nil {
			t.Error(err)
		}
		close(emitted)
		<-read
		s.OnDrain(func() { close(told) })
	})
	url += "/socket.io/?EIO=4&transport=polling"
	request := func(method, body string) string {
		t.Helper()
		req, err := http.NewRequest(method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(answer)
	}
	url += "&sid=" + strings.Split(request("GET", ""), `"`)[3]
	request("POST", "40")
	receive(t, emitted, "the connection") // and no poll waits for what it has emitted
	if got := request("GET", ""); !strings.HasSuffix(got, `42["news"]`) {
		t.Errorf("got %q", got)
	}
	close(read)
	receive(t, told, "the end of the backlog")
	request("POST", "1")
}

// A client that is slow stays connected for longer than a heartbeat. What it has not
// received yet counts as missed, however old it is.
func TestSlowClientIsNotRecoveredWithoutWhatItMissed(t *testing.T) {
	t.Parallel()
	io, _, _ := newServer(t, &socketio.Options{
		Recovery: &socketio.Recovery{MaxBytes: 200_000},
		Engine: engine.ServerOptions{
			PingInterval: 50 * time.Millisecond, PingTimeout: time.Second, WriteTimeout: time.Minute,
		},
	})
	came, left := make(chan *socketio.Socket, 2), make(chan time.Time, 2)
	io.OnConnect(func(s *socketio.Socket) { came <- s })
	io.OnDisconnect(func(*socketio.Socket, socketio.Reason) { left <- time.Now() })
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: io}
	go server.Serve(smallBuffers{l}) // ends with Close
	t.Cleanup(func() { server.Close() })
	c := stalled(t, l.Addr().String())
	s := receive(t, came, "the socket")
	emit(t, s.Emit("first"))
	pid, offset := readSession(t, c)

	// Some of this waits for the client, which reads no more; what follows it, for others,
	// takes its place in the log.
	text := strings.Repeat("x", 10_000)
	sent := time.Now()
	for range 20 {
		emit(t, s.Emit("lost", text))
	}
	for range 30 {
		emit(t, io.To("other").Emit("other", text))
	}
	waitFor(t, "events older than a heartbeat", func() bool { return time.Since(sent) > 2*time.Second })
	c.Close()
	receive(t, left, "the end")

	again := wiretest.Dial(t, "http://"+l.Addr().String(), "websocket")
	again.Send(fmt.Sprintf(`40{"pid":%q,"offset":%q}`, pid, offset))
	if n := receive(t, came, "the socket again"); n.Recovered() {
		t.Error("recovered, although the log lacks what the client has not received")
	}
}

// readSession reads until the first event and returns the private ID and the offset that
// have come.
func readSession(t *testing.T, c net.Conn) (pid, offset string) {
	t.Helper()
	got, buf := "", make([]byte, 4096)
	for {
		if m := sessionPattern.FindStringSubmatch(got); m != nil {
			return m[1], m[2]
		}
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got += string(buf[:n])
	}
}

var sessionPattern = regexp.MustCompile(`(?s)"pid":"([^"]+)".*"first","([^"]+)"`)
