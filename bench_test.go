package socketio_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// A rawClient is a WebSocket client that allocates nothing once it is connected, so
// that what is counted is the server's.
type rawClient struct {
	t testing.TB
	net.Conn
}

func newRawClient(t testing.TB, url string) rawClient {
	t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	c := rawClient{t, nc}
	c.write([]byte("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
	c.skip([]byte("\r\n\r\n"))
	c.skip([]byte("}")) // Engine.IO's handshake
	c.write(maskedText("40"))
	c.skip([]byte("}"))
	return c
}

func (c rawClient) write(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

func (c rawClient) read(b []byte) {
	c.t.Helper()
	if _, err := io.ReadFull(c.Conn, b); err != nil {
		c.t.Fatal(err)
	}
}

// skip reads up to mark.
func (c rawClient) skip(mark []byte) {
	c.t.Helper()
	var got []byte
	for b := make([]byte, 1); !bytes.HasSuffix(got, mark); got = append(got, b...) {
		c.read(b)
	}
}

// discard reads until the connection ends.
func (c rawClient) discard() {
	go func() {
		for b := make([]byte, 64<<10); ; {
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	}()
}

// maskedText returns a short text as a frame, with a mask of zeros.
func maskedText(text string) []byte {
	b := binary.BigEndian.AppendUint16(nil, 0x8180|uint16(len(text)))
	return append(append(b, 0, 0, 0, 0), text...)
}

// What an event with an acknowledgement costs, client included, one at a time and
// sixteen together.
func BenchmarkEcho(b *testing.B) {
	type body struct {
		Msg string `json:"msg"`
		N   int    `json:"n"`
	}
	io, url, _ := newServer(b, nil)
	io.On("echo", func(v body) body { return v })
	c, _ := wiretest.Join(b, url, "websocket", "/")
	const event, answer = `420["echo",{"msg":"hello","n":1}]`, `430[{"msg":"hello","n":1}]`
	for _, depth := range []int{1, 16} {
		packets := strings.Split(strings.Repeat(event+"\n", depth), "\n")[:depth]
		b.Run(fmt.Sprint(depth), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				c.Send(packets...)
				for range depth {
					c.Expect(answer)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*depth), "ns/event")
		})
	}
}

// binaryEcho returns a function that sends binary data with an event and waits for the
// answer, which is the same.
func binaryEcho(c rawClient, event string, size int) func() {
	const placeholder = `{"_placeholder":true,"num":0}`
	question := append(maskedText(`451-0["`+event+`",`+placeholder+`]`), make([]byte, ws.HeaderLen(size)+4+size)...)
	payload := ws.AppendHeader(question[:len(question)-4-size-ws.HeaderLen(size)], ws.Binary, false, size)
	question[len(payload)-ws.HeaderLen(size)+1] |= 0x80 // masked with zeros
	answer := make([]byte, 2+len(`461-0[`+placeholder+`]`)+ws.HeaderLen(size)+size)
	return func() {
		c.write(question)
		c.read(answer)
		if !bytes.HasSuffix(answer, question[len(question)-size:]) {
			c.t.Fatal("got something else")
		}
	}
}

// What binary data costs that its handler may keep, or gets lent.
func BenchmarkBinaryEcho(b *testing.B) {
	io, url, _ := newServer(b, nil)
	io.On("give", func(data []byte) []byte { return data })
	io.On("lend", func(data socketio.Borrowed) socketio.Borrowed { return data })
	c := newRawClient(b, url)
	for _, size := range []int{1 << 10, 64 << 10} {
		for _, event := range []string{"give", "lend"} {
			b.Run(fmt.Sprint(event, "/", size), func(b *testing.B) {
				echo := binaryEcho(c, event, size)
				b.SetBytes(int64(2 * size))
				b.ReportAllocs()
				for b.Loop() {
					echo()
				}
			})
		}
	}
}

func BenchmarkBroadcast(b *testing.B) {
	io, url, _ := newServer(b, nil)
	const clients = 100
	for range clients {
		wiretest.Join(b, url, "websocket", "/")
	}
	text := strings.Repeat("x", 128)
	b.ReportAllocs()
	for b.Loop() {
		if err := io.Emit("m", text); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*clients), "ns/delivery")
}

// What emitting to one socket costs beside others, in rooms: the same.
func BenchmarkEmit(b *testing.B) {
	for _, size := range []struct{ sockets, rooms int }{{1, 1}, {1, 100}, {200, 1}, {200, 100}} {
		b.Run(fmt.Sprintf("sockets=%d/rooms=%d", size.sockets, size.rooms), func(b *testing.B) {
			srv, url, _ := newServer(b, nil)
			connected := make(chan *socketio.Socket, 1)
			srv.OnConnect(func(s *socketio.Socket) { connected <- s })
			var s *socketio.Socket
			for range size.sockets {
				newRawClient(b, url).discard()
				s = <-connected
				for i := range size.rooms {
					if err := s.Join(fmt.Sprint("room ", i)); err != nil {
						b.Fatal(err)
					}
				}
			}
			args := []any{"hello", 1}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Emit("news", args...); err != nil {
					b.Fatal(err)
				}
				for s.Buffered() > 32<<10 {
					runtime.Gosched() // the client is to keep up
				}
			}
		})
	}
}

// What a broadcast costs that the recovery log keeps, and what the log holds:
// neither depends on how many there were.
func BenchmarkRecoveryLog(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			srv, _, _ := newServer(b, &socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: time.Hour, MaxBytes: 1 << 20}})
			text := strings.Repeat("x", 128)
			emit := func() {
				if err := srv.Emit("news", text); err != nil {
					b.Fatal(err)
				}
			}
			for range n {
				emit()
			}
			for b.Loop() {
				emit()
			}
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB")
			runtime.KeepAlive(srv)
		})
	}
}
