package engine

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// A link is a WebSocket that belongs to a session, or is about to: it is idle
// until the session has moved to it.
//
// Its reading belongs to the goroutine in run, of which there is one at a time; on
// an idle connection, which the server's poller watches, there is none. Its
// writing belongs to whoever holds the session's token.
type link struct {
	conn      *Conn
	raw       syscall.RawConn // nil when nc is no plain socket: TLS, tests
	threshold int             // of compression
	variant   variant

	active bool // the session uses it; owned by the reading goroutine, like
	busy   bool // it is read from often
	reads  uint8
	parked atomic.Bool // nobody reads: the poller watches it
	watch  watch       // belongs to the poller
	nc     net.Conn
	in     ws.Reader
}

func newLink(c *Conn, u *ws.Upgraded, base64 bool) *link {
	l := &link{
		conn: c,
		nc:   u.Conn,
		in:   ws.Reader{MaxMessage: ws.Limit(c.server.opts.MaxPayload), Deflate: u.Deflate},
	}
	l.variant.base64 = base64
	l.variant.revision3 = c.revision3
	if u.Deflate {
		l.variant.deflate = true
		l.threshold = c.server.opts.PerMessageDeflate.Threshold
	}
	l.raw = rawConn(u.Conn)
	if raw := l.socket(); raw != nil {
		limitUnsent(raw)
	}
	return l
}

// socket returns the socket that the bytes pass through, below TLS, too, or nil if there
// is none.
func (l *link) socket() syscall.RawConn {
	if secured, ok := l.nc.(interface{ NetConn() net.Conn }); ok { // TLS
		return rawConn(secured.NetConn())
	}
	return l.raw
}

// encode returns e as it goes out on this link.
func (l *link) encode(e entry) []byte {
	if e.flags&protocolPacket != 0 {
		return e.m.frames // WebSocket's own pong among them
	}
	v := l.variant
	if v.deflate && (e.flags&NoCompress != 0 || e.m.Len() < l.threshold) {
		v.deflate = false
	}
	return e.m.webSocket(v)
}

// write sends all of b, however long the peer takes as long as it takes
// something within the write timeout.
func (l *link) write(b []byte) error {
	return writeAll(l.nc, b, l.conn.server.opts.WriteTimeout)
}

func (l *link) clearWriteDeadline() {
	// It fails only on a connection that is closed.
	_ = l.nc.SetWriteDeadline(time.Time{})
}

// unacked returns how many bytes that were written the peer's end has not confirmed, or
// 0 if that is not known.
func (l *link) unacked() uint32 {
	if l == nil {
		return 0
	}
	raw := l.socket()
	if raw == nil {
		return 0
	}
	return unacked(raw)
}

// tryWrite sends as much of b as fits into the socket's buffer.
func (l *link) tryWrite(b []byte) (int, error) { return tryWrite(l.raw, b) }

// The peer has this long to answer a close frame.
const closeTimeout = 2 * time.Second

// close says goodbye and lets drain wait for the peer's answer. The cause decides what
// the peer is told: a status for a violation of the WebSocket protocol, none otherwise
// (RFC 6455, section 7.4). Nobody may be writing.
func (l *link) close(cause error) {
	code := ws.CloseNoStatus
	var ce *ws.CloseError
	if errors.As(cause, &ce) {
		code = ce.Code
	}
	defer l.wake()
	deadline := time.Now().Add(closeTimeout)
	if l.nc.SetDeadline(deadline) != nil {
		return
	}
	frame := ws.AppendClose(nil, code)
	if l.raw == nil {
		// A peer that does not read must not hold us up.
		l.conn.server.goroutines.Go(func() {
			if _, err := l.nc.Write(frame); err == nil {
				l.closeWrite()
			}
		})
		return
	}
	if n, err := l.tryWrite(frame); err != nil || n < len(frame) {
		l.abort()
		return
	}
	l.closeWrite()
}

// closeWrite tells the peer that nothing more comes: it need not wait for our
// end of the connection to close.
func (l *link) closeWrite() {
	if c, ok := l.nc.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // the connection is on its way out
	}
}

// decline answers the handshake of a WebSocket whose session is not opened, and closes
// it: the client is to try again.
func (l *link) decline(answer []byte) {
	l.conn.server.goroutines.Go(func() { // ends at the deadline
		defer l.nc.Close()
		if l.nc.SetDeadline(time.Now().Add(closeTimeout)) != nil {
			return
		}
		if _, err := l.nc.Write(ws.AppendClose(answer, ws.CloseGoingAway)); err == nil {
			l.closeWrite()
			l.drain()
		}
	})
}

// abort closes the connection without ado.
func (l *link) abort() {
	l.nc.Close()
	l.wake()
}

// start makes a goroutine read. The server's Shutdown waits for the link's end.
func (l *link) start(early []byte) {
	l.conn.server.goroutines.Add(1)
	go l.run(early)
}

// run reads until the connection is closed by either side, which abort and the
// deadline that close sets see to, or leaves that to somebody else. early is what
// the client sent right behind its handshake.
func (l *link) run(early []byte) {
	r := getReader(l)
	returned := false
	defer func() {
		left := r.left
		r.put()
		if left {
			return
		}
		if !returned {
			l.conn.fail(TransportError, errHandlerExit)
			l.abort()
		}
		l.conn.server.poller.forget(l)
		l.conn.server.goroutines.Done()
	}()
	l.deliver(r, early)
	if !r.left {
		l.drain()
	}
	returned = true
}

var errHandlerExit = errors.New("engine: a handler has ended its goroutine")

// deliver delivers b and what arrives after it, until there is nothing more to
// deliver or r was left: l must not be touched then.
func (l *link) deliver(r *socketReader, b []byte) {
	var err error
	for more := true; more; {
		var work Work
		if len(b) > 0 {
			l.noteRead()
			if l.active {
				l.conn.beat.noteArrival()
			}
			work, more = l.feed(b)
		}
		r.release()
		if work != nil {
			l.lend(r, work)
		}
		switch {
		case r.left:
			return
		case !more:
		case err != nil:
			l.closed(err)
			more = false
		default:
			b, err = r.read()
			more = !r.left
		}
	}
}

// lend does work. When somebody else goes on reading meanwhile, r is left.
func (l *link) lend(r *socketReader, work Work) {
	c := l.conn
	r.left = true
	turn := c.turn.Add(1)
	returned := false
	defer func() {
		mine := c.turn.CompareAndSwap(turn, turn+1)
		if returned {
			r.left = !mine
		} else if mine {
			go l.run(nil) // this goroutine is ending: runtime.Goexit
		}
	}()
	c.do(work)
	returned, r.dry = true, false
}

// sparesReader reports whether the goroutine that reads can be lent. Its stack grows
// to what handlers need, so it is not the one that an idle connection keeps.
func (l *link) sparesReader() bool {
	return l.active && (l.busy || l.raw != nil && l.conn.server.poller.works())
}

// A connection is busy when it is read from more often than this between two
// heartbeats. A goroutine of its own waits for what it brings next: that costs
// 4 KiB, and saves the way through the poller.
const busyReads = 8

func (l *link) noteRead() {
	if l.reads++; l.reads > busyReads {
		l.busy, l.reads = true, busyReads+1
	}
}

// noteHeartbeat takes stock of the reading since the last heartbeat.
func (l *link) noteHeartbeat() {
	l.busy, l.reads = l.reads > busyReads, 0
}

// park leaves the waiting to the poller, if that makes sense. fd is the socket's
// descriptor, which is not closed meanwhile. After it has returned true, somebody
// else may be reading already.
func (l *link) park(fd uintptr) bool {
	if l.busy || !l.active {
		return false
	}
	c := l.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	// Whoever ends the connection wakes those that are parked, after this state was
	// left.
	return c.state == open && c.server.poller.park(l, int(fd))
}

// wake sees to it that somebody reads.
func (l *link) wake() {
	if l.parked.CompareAndSwap(true, false) {
		go l.run(nil)
	}
}

// drain reads on after the goodbye, so that the peer's last bytes do not turn
// our close into a reset that overtakes what we sent. The deadline that close
// has set, or the closing of the connection, ends it.
func (l *link) drain() {
	defer l.nc.Close()
	buf := getBuffer()
	defer putBuffer(buf)
	for {
		if _, err := l.nc.Read(*buf); err != nil {
			return
		}
	}
}

// feed delivers the messages in b, of which nothing is kept, and returns what is to
// be done then. more is false when no more is to be read.
func (l *link) feed(b []byte) (work Work, more bool) {
	c := l.conn
	c.receiving.Lock()
	defer c.receiving.Unlock()
	defer c.guard()
	l.in.Push(b)
	for {
		m, ok, err := l.in.Next()
		switch {
		case err != nil:
			c.deliverBatch()
			l.closed(err)
			return nil, false
		case !ok:
			l.in.Park()
			return c.deliverAndLend(l.sparesReader()), true
		case !l.handle(m):
			c.deliverBatch()
			return nil, false
		}
	}
}

// handle takes one WebSocket message or control frame.
func (l *link) handle(m ws.Message) bool {
	p := packet{typ: packetMessage, binary: true, owned: m.Owned, data: m.Data}
	var err error
	switch m.Op {
	case ws.Pong:
		return true
	case ws.Ping:
		l.pong(m.Data)
		return true
	case ws.Text:
		p, err = l.conn.parseText(m.Data)
	case ws.Binary:
		if l.conn.revision3 {
			p, err = untyped(p)
		}
	}
	if err != nil {
		l.broken(err)
		return false
	}
	if !l.active {
		return l.probe(p)
	}
	if p.typ != packetMessage {
		l.noteHeartbeat()
	}
	l.conn.receive(p)
	return !l.conn.ended.Load()
}

// broken ends the session, or the upgrade, over a packet that is none.
func (l *link) broken(err error) {
	if l.active {
		l.conn.fail(ParseError, err)
		return
	}
	l.giveUp(err)
}

// closed handles the end of the reading: an I/O error, a violation of the
// WebSocket protocol, or a close frame.
func (l *link) closed(err error) {
	if !l.active {
		l.giveUp(err)
		return
	}
	reason := TransportError
	var ce *ws.CloseError
	switch {
	case errors.As(err, &ce) && ce.Remote, errors.Is(err, io.EOF):
		reason = TransportClose
	case ce != nil && ce.Code == ws.CloseTooLarge:
		l.conn.server.logTooLarge(l.conn, WebSocket, 0)
	}
	l.conn.fail(reason, err)
}

// pong answers a WebSocket ping, which is below Engine.IO's heartbeat.
func (l *link) pong(data []byte) {
	c := l.conn
	c.mu.Lock()
	if c.state != open || c.link != l {
		c.mu.Unlock()
		return
	}
	c.sendBeat(framePlace, pongFrame(data))
}
