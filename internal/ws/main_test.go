package ws_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/blocks"
	"github.com/seed96b07ef8/socketio/internal/leakcheck"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Main(m)) }

var key = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// frame returns a frame, which may be invalid. b0 is the first byte: FIN, the
// reserved bits and the opcode.
func frame(b0 byte, payload string) []byte {
	b := ws.AppendMaskedFrame(nil, 0, false, []byte(payload), key)
	b[0] = b0
	return b
}

// First bytes of frames.
const (
	fin  = 0x80
	rsv1 = 0x40
	rsv2 = 0x20
	rsv3 = 0x10
)

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// received is the output of a Reader: the messages and the final error.
type received struct {
	messages []string
	err      error
}

func (r received) String() string { return fmt.Sprintf("%q, %v", r.messages, r.err) }

// code returns the close code of the error, 0 without one.
func (r received) code() int {
	if ce, ok := errors.AsType[*ws.CloseError](r.err); ok {
		return ce.Code
	}
	return 0
}

func render(m ws.Message) string { return fmt.Sprintf("%x:%s", byte(m.Op), m.Data) }

// feed passes data to r in pieces of the sizes that next returns. It returns the
// memory of owned messages to package blocks, so that shared memory would be
// detected.
func feed(r *ws.Reader, data []byte, scratch []byte, next func() int) (out received) {
	out.err = feedTo(r, data, scratch, next, func(m ws.Message) {
		out.messages = append(out.messages, render(m))
		if m.Owned {
			blocks.Put(m.Data)
		}
	})
	return out
}

// feedTo is feed for a test that receives the messages itself. Like a connection's
// read loop, it passes at most as many bytes at a time as fit. It overwrites the
// scratch buffer after each round.
func feedTo(r *ws.Reader, data []byte, scratch []byte, next func() int, receive func(ws.Message)) error {
	for len(data) > 0 {
		space := r.Space(scratch)
		n := copy(space[:min(len(space), max(1, next()))], data)
		data = data[n:]
		r.Push(space[:n])
		for {
			m, ok, err := r.Next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			receive(m)
		}
		r.Park()
		clear(scratch[:min(n, len(scratch))])
	}
	return nil
}

// keep feeds data and returns the messages, copies of those that are not owned.
func keep(t *testing.T, r *ws.Reader, data []byte, scratch []byte, next func() int) (kept [][]byte) {
	t.Helper()
	err := feedTo(r, data, scratch, next, func(m ws.Message) {
		if !m.Owned {
			m.Data = bytes.Clone(m.Data)
		}
		kept = append(kept, m.Data)
		_ = append(m.Data, "overwritten"...) // the owner may also append
	})
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// readAll feeds data in one piece.
func readAll(r *ws.Reader, data []byte) received {
	return feed(r, data, make([]byte, len(data)+1), func() int { return len(data) })
}

func server() *ws.Reader { return &ws.Reader{MaxMessage: 1 << 18} }
