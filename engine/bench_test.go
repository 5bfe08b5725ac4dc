package engine_test

import (
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// counting is a Handler that allocates nothing.
type counting struct{ got chan struct{} }

func (h counting) OnMessage(*engine.Conn, []byte, bool)       { h.got <- struct{}{} }
func (h counting) OnClose(*engine.Conn, engine.Reason, error) {}

// discarding returns a WebSocket whose client reads, and that alone.
func discarding(t testing.TB, opts engine.ServerOptions) (*peer, *engine.Conn, counting) {
	conns := make(chan *engine.Conn, 1)
	handler := counting{make(chan struct{}, 1)}
	opts.OnConnect = func(c *engine.Conn) engine.Handler { conns <- c; return handler }
	h := start(t, &opts)
	w := h.dialWebSocket("EIO=4&transport=websocket")
	w.read()
	c := receive(t, conns, "the connection")
	waitFor(t, "the end of the handshake", func() bool { return !engine.Writing(c) })
	return w, c, handler
}

func discard(w *peer) {
	if err := w.nc.SetDeadline(time.Time{}); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{w.nc}, make([]byte, 64<<10))
	}()
}

// settle waits until everything is sent.
func settle(c *engine.Conn) {
	for c.Buffered() > 0 || engine.Writing(c) {
		runtime.Gosched()
	}
}

func BenchmarkSend(b *testing.B) {
	w, c, _ := discarding(b, engine.ServerOptions{})
	discard(w)
	m := engine.NewTextMessage(make([]byte, 128))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Send(m, 0); err != nil {
			b.Fatal(err)
		}
		settle(c)
	}
}

// A burst costs less for each message the longer it is.
func BenchmarkSendLazy(b *testing.B) {
	for _, burst := range []int{1, 8, 32} {
		b.Run(fmt.Sprint(burst), func(b *testing.B) {
			w, c, _ := discarding(b, engine.ServerOptions{})
			discard(w)
			m := engine.NewTextMessage(make([]byte, 128))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := c.Send(m, engine.Lazy); err != nil {
					b.Fatal(err)
				}
				if i%burst == burst-1 {
					settle(c)
				}
			}
		})
	}
}

func BenchmarkSendText(b *testing.B) {
	for _, size := range []int{0, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			w, c, _ := discarding(b, engine.ServerOptions{})
			discard(w)
			text, attachments := make([]byte, 128), [][]byte{make([]byte, size)}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := c.SendText(text, attachments, 0); err != nil {
					b.Fatal(err)
				}
				settle(c)
			}
		})
	}
}

func BenchmarkReceive(b *testing.B) {
	for _, size := range []int{32, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			w, _, handler := discarding(b, engine.ServerOptions{})
			frame := masked(ws.Binary, string(make([]byte, size)))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				w.raw(frame)
				<-handler.got
			}
		})
	}
}
