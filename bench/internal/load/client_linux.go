package load

import (
	"bytes"
	"fmt"
	"time"

	"github.com/seed96b07ef8/socketio/bench/internal/frame"
)

// A client is one WebSocket client.
type client struct {
	stream
	gen     *Generator
	state   clientState
	index   int32
	binary  int32 // the acknowledgement whose attachment is to come, or -1
	skip    int32 // bytes that are left of an attachment
	partial []byte
	pending []time.Duration // when each acknowledgement was asked for
	dialed  time.Duration
}

type clientState uint8

const (
	dialing clientState = iota
	upgrading
	opening // waits for the handshake's packet
	joining // waits for the namespace
	joined
	ended
)

var (
	upgradeRequest = []byte("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n" +
		"Host: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	joinFrame  = frame.AppendMasked(nil, frame.Text, "40")
	pongFrame  = frame.AppendMasked(nil, frame.Text, "3")
	headerEnd  = []byte("\r\n\r\n")
	switching  = []byte("HTTP/1.1 101 ")
	largeFrame = 4 << 10 // attachments from this size on are counted, not kept
)

func (g *Generator) connect(index int) error {
	c := &client{gen: g, index: int32(index), binary: -1, dialed: g.loop.now()}
	c.stream.loop = g.loop
	g.clients[index] = c
	return c.dial(g.addrs[index%len(g.addrs)], c)
}

// ready implements socket.
func (c *client) ready(events uint32) {
	var err error
	switch {
	case c.state == dialing:
		if err = c.connected(); err == nil {
			c.state = upgrading
			err = c.send(upgradeRequest)
		}
	case events&(readable|broken) != 0:
		var b []byte
		if b, err = c.receive(); len(b) > 0 {
			err = c.feed(b)
		}
	}
	if err == nil && events&writable != 0 && len(c.unsent) > 0 && c.state != ended {
		err = c.flush()
	}
	if err == nil {
		err = c.gen.flushReplies(c)
	}
	if err != nil {
		c.gen.lost(c, err)
	}
}

// feed handles what has arrived.
func (c *client) feed(b []byte) error {
	if len(c.partial) > 0 {
		b = append(c.partial, b...)
		c.partial = nil
	}
	if c.state == upgrading {
		i := bytes.Index(b, headerEnd)
		if i < 0 {
			c.partial = bytes.Clone(b)
			return nil
		}
		if !bytes.HasPrefix(b, switching) {
			line, _, _ := bytes.Cut(b, []byte("\r"))
			return fmt.Errorf("upgrade refused: %s", line)
		}
		c.state = opening
		b = b[i+len(headerEnd):]
	}
	for len(b) > 0 && c.state != ended {
		if c.skip > 0 {
			n := min(int(c.skip), len(b))
			b = b[n:]
			if c.skip -= int32(n); c.skip == 0 {
				c.attachment()
			}
			continue
		}
		h, ok := frame.Parse(b)
		if ok && h.Op == frame.Binary && h.Length >= largeFrame {
			b = b[h.Size:]
			c.skip = int32(h.Length)
			continue
		}
		if !ok || len(b) < h.Size+h.Length {
			c.partial = bytes.Clone(b)
			return nil
		}
		payload := b[h.Size : h.Size+h.Length]
		b = b[h.Size+h.Length:]
		switch h.Op {
		case frame.Text:
			if err := c.text(payload); err != nil {
				return err
			}
		case frame.Binary:
			c.attachment()
		case frame.Close:
			return errClosed
		}
	}
	return nil
}

// text handles an Engine.IO packet.
func (c *client) text(p []byte) error {
	switch {
	case len(p) == 0:
		return fmt.Errorf("empty packet")
	case p[0] == '0' && c.state == opening:
		c.state = joining
		return c.send(joinFrame)
	case p[0] == '2':
		c.gen.pongs++
		c.gen.reply(pongFrame)
		return nil
	case p[0] != '4' || len(p) < 2:
		return fmt.Errorf("unexpected packet %.20q", p)
	}
	switch p[1] {
	case '0':
		c.state = joined
		c.gen.joined(c)
	case '2':
		c.gen.work.event(c)
	case '3':
		c.acknowledged(number(p[2:]))
	case '6': // 461-<id>[...
		c.binary = int32(number(p[4:]))
	default:
		return fmt.Errorf("unexpected packet %.40q", p)
	}
	return nil
}

func (c *client) attachment() {
	if c.binary >= 0 {
		c.acknowledged(int(c.binary))
		c.binary = -1
	}
}

func (c *client) acknowledged(id int) {
	if id < len(c.pending) && c.pending[id] != 0 {
		asked := c.pending[id]
		c.pending[id] = 0
		c.gen.work.ack(c, id, c.gen.loop.now()-asked)
	}
}

// ask sends an event whose acknowledgement has the given ID; what is sent while
// one read is handled leaves in one write.
func (c *client) ask(id int, b []byte) {
	for id >= len(c.pending) {
		c.pending = append(c.pending, 0)
	}
	c.pending[id] = c.gen.loop.now()
	c.gen.reply(b)
}

func number(p []byte) int {
	n := 0
	for _, d := range p {
		if d < '0' || d > '9' {
			break
		}
		n = n*10 + int(d-'0')
	}
	return n
}
