package client_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// The data of a refusal is decoded at once up to a size, and on demand beyond it; the
// message is cut.
func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	head, tail := `{"message":"no","data":"`, `"}`
	fill := limit - len(head) - len(tail)
	for name, test := range map[string]struct {
		payload string
		data    int // the length of the decoded data, -1 for none
		message int
	}{
		"at the limit":       {head + strings.Repeat("x", fill) + tail, fill, 2},
		"beyond the limit":   {head + strings.Repeat("x", fill+1) + tail, -1, 2},
		"long message":       {`{"message":"` + strings.Repeat("x", 4096) + `"}`, -1, 4096},
		"too long a message": {`{"message":"` + strings.Repeat("x", 4097) + `"}`, -1, 4099},
		"too long a text":    {`"` + strings.Repeat("x", 100_000) + `"`, -1, 4099},
		"too long an array":  {`{"message":[` + strings.Repeat("1,", 100_000) + `1]}`, -1, 4099},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(c *engine.Conn, _ string) { say(c, "4"+test.payload) })
			c := overWebSocket.client(t, f.Server, "/", nil)
			refused := errorAs[*client.ConnectError](t, c.Connect(within(t)))
			if n := len(refused.Message); n != test.message {
				t.Errorf("the message has %d bytes, want %d", n, test.message)
			}
			data, ok := refused.Data.(string)
			if ok != (test.data >= 0) || ok && len(data) != test.data {
				t.Errorf("the data has %d bytes, want %d", len(data), test.data)
			}
			if name != "beyond the limit" {
				return
			}
			var later string
			if err := refused.DecodeData(&later); err != nil || len(later) != fill+1 {
				t.Errorf("DecodeData: %d bytes, %v", len(later), err)
			}
		})
	}
}

// A refusal that no socket waits for is not decoded.
func TestRefusalOfAnInactiveSocket(t *testing.T) {
	const size = 512 << 10
	f := newFake(t, func(c *engine.Conn, message string) {
		if message == "0" {
			say(c, granted)
		}
	})
	c := overWebSocket.client(t, f.Server, "/", nil)
	connect(t, c)
	inactive := c.Manager().Socket("/other", nil)
	inactive.OnConnectError(func(err error) { t.Errorf("the socket was refused: %.100s", err) })
	ready := make(chan bool, 1)
	c.On("ready", func() { ready <- true })
	conn := receive(t, f.conns, "the connection")
	refusal := `4/other,{"message":"` + strings.Repeat("x", size/2) + `","data":[` + strings.Repeat("{},", size/6) + `1]}`
	say(conn, refusal, `2["ready"]`) // the buffers grow
	receive(t, ready, "the event")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const n = 4
	for range n {
		say(conn, refusal, `2["ready"]`)
		receive(t, ready, "the event")
	}
	runtime.ReadMemStats(&after)
	// The message is copied in the server, on the way, and in the client.
	if each := (after.TotalAlloc - before.TotalAlloc) / n; each > 10*size {
		t.Errorf("a refusal of %d KiB costs %d KiB", size>>10, each>>10)
	}
}
