package engine

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/seed96b07ef8/socketio/internal/seam"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// A link is a stream of frames, a WebSocket or a [stream], of a session that uses it
// or is being upgraded to it. Until the session has moved to it, it carries only the
// probe.
//
// At most one goroutine at a time reads from it, in run; none does on an idle
// connection watched by the server's poller. The holder of the session's token
// writing writes to it.
type link struct {
	conn    *Conn
	raw     syscall.RawConn // nil if nc is not a plain socket, as with TLS
	way     *way
	variant variant

	active bool // the session uses it; owned by the reader goroutine, like busy and reads
	busy   bool // more than busyReads since the last heartbeat
	reads  uint8
	parked atomic.Bool // no goroutine reads; the poller watches the socket
	watch  watch       // owned by the poller
	nc     net.Conn
	in     ws.Reader
}

// A way holds the settings that the links of one transport share at one end.
type way struct {
	transport    Transport
	threshold    int // size in bytes from which messages are compressed
	writeTimeout time.Duration
	masked       bool // frames are masked, as a client's must be (RFC 6455, section 5.3)
	pings        bool // the peer answers pings (RFC 6455, section 5.5.2)
}

// newWays returns the ways of WebSocket, whose frames a client masks, and of streams.
func newWays(streams []Transport, deflate *PerMessageDeflate, writeTimeout time.Duration, client bool) map[Transport]*way {
	w := &way{transport: WebSocket, writeTimeout: writeTimeout, masked: client, pings: true}
	if deflate != nil {
		w.threshold = deflate.Threshold
	}
	ways := map[Transport]*way{WebSocket: w}
	for _, t := range streams {
		ways[t] = &way{transport: t, writeTimeout: writeTimeout}
	}
	return ways
}

// unsentLimit bounds the unsent bytes in the kernel. The default is up to four
// megabytes, which no ping can overtake: on a slow link, clients that judge the
// server by its pings, such as the JavaScript client, would time out before they
// receive one. See docs/decisions/0016-signs-of-life.md.
const unsentLimit = 128 << 10

func newLink(c *Conn, u *ws.Upgraded, base64 bool) *link {
	l := &link{
		conn: c,
		way:  c.server.ways[WebSocket],
		nc:   u.Conn,
		in:   ws.Reader{MaxMessage: ws.Limit(c.server.opts.MaxPayload), Deflate: u.Deflate},
	}
	l.variant.base64 = base64
	l.variant.revision3 = c.revision3
	l.variant.deflate = u.Deflate
	l.raw = rawConn(u.Conn)
	if raw := l.socket(); raw != nil {
		limitUnsent(raw, unsentLimit)
	}
	return l
}

// socket returns the socket of the connection, which may be below TLS, or nil if
// there is none.
func (l *link) socket() syscall.RawConn {
	if secured, ok := l.nc.(interface{ NetConn() net.Conn }); ok { // TLS
		return rawConn(secured.NetConn())
	}
	return l.raw
}

// kind returns the form in which e is sent on this link.
func (l *link) kind(e entry) formKind {
	if e.flags&protocolPacket != 0 {
		return framesForm // includes WebSocket pong frames
	}
	v := l.variant
	if v.deflate && (e.flags&NoCompress != 0 || e.m.Len() < l.way.threshold) {
		v.deflate = false
	}
	return v.kind(e.m)
}

// size returns the number of bytes that append adds for n bytes of m's frames.
func (l *link) size(m *Message, n int) int {
	if l.way.masked {
		n += m.parts * ws.MaskLen
	}
	return n
}

// append appends frames to dst, masked if this link requires it.
func (l *link) append(dst, frames []byte) []byte {
	if l.way.masked {
		return ws.AppendMasked(dst, frames)
	}
	return append(dst, frames...)
}

// write writes all of b. It takes as long as the peer needs, provided that the peer
// accepts some bytes within each write timeout.
func (l *link) write(b []byte) error {
	for len(b) > 0 {
		part := b[:min(len(b), corkLimit)]
		if err := l.nc.SetWriteDeadline(time.Now().Add(l.way.writeTimeout)); err != nil {
			return err
		}
		if _, err := l.nc.Write(part); err != nil {
			return err
		}
		b = b[len(part):]
	}
	return nil
}

func (l *link) clearWriteDeadline() {
	// It fails only on a connection that is closed.
	_ = l.nc.SetWriteDeadline(time.Time{})
}

// unacked returns the number of written bytes that the peer's TCP has not
// acknowledged, or 0 if that is not known.
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

// tryWrite writes as much of b as fits into the socket's buffer.
func (l *link) tryWrite(b []byte) (int, error) { return tryWrite(l.raw, b) }

// closeTimeout is how long the peer may take to answer a close frame.
const closeTimeout = 2 * time.Second

// closeFrame returns a close frame. It has a status if the cause is a violation of the
// WebSocket protocol (RFC 6455, section 7.4).
func (l *link) closeFrame(cause error) []byte {
	code := ws.CloseNoStatus
	if ce, ok := errors.AsType[*ws.CloseError](cause); ok {
		code = ce.Code
	}
	return l.append(nil, ws.AppendClose(nil, code))
}

// close sends a close frame and lets drain wait for the answer. The token writing is
// held, or not needed any more.
func (l *link) close(cause error) {
	defer l.wake()
	deadline := time.Now().Add(closeTimeout)
	if l.nc.SetDeadline(deadline) != nil {
		return
	}
	frame := l.closeFrame(cause)
	if l.raw == nil {
		// A peer that does not read must not block this goroutine.
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

// closeWrite closes the write side, so that the peer need not wait for our close.
func (l *link) closeWrite() {
	if c, ok := l.nc.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // the connection is about to be closed
	}
}

// decline answers the handshake of a WebSocket whose session was not opened, and
// closes it with a status that asks the client to try again.
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

// abort closes the connection immediately, without a close frame.
func (l *link) abort() {
	l.nc.Close()
	l.wake()
}

// start starts the reader goroutine. The server's Shutdown waits for it.
func (l *link) start(early []byte) {
	l.conn.server.goroutines.Add(1)
	go l.run(early)
}

// run reads until either side closes the connection, or until another goroutine or
// the poller takes over. abort ends it, and so does the deadline that close sets.
// early holds bytes that arrived with the handshake.
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
	l.deliver(l.conn, r, early)
	if !r.left {
		l.drain()
	}
	returned = true
}

var errHandlerExit = errors.New("engine: a handler ended its goroutine")

// A receiver is the owner of a link that reads, a [Conn] or a [Client]. Its methods are
// the parts of receiving in which the two differ. It is the counterpart of sender.
type receiver interface {
	// feed delivers the messages in b and keeps none of its memory. It returns the
	// work to do next, and more, which is false if reading must stop.
	feed(l *link, b []byte) (work seam.Work, more bool)
	// disconnected handles the end of reading: an I/O error, a violation of the WebSocket
	// protocol, or a close frame.
	disconnected(l *link, err error)
}

// deliver delivers b and the bytes that follow until nothing is left to deliver, or
// until r.left is set: l must not be touched then.
func (l *link) deliver(to receiver, r *socketReader, b []byte) {
	var err error
	for more := true; more; {
		var work seam.Work
		if len(b) > 0 {
			work, more = to.feed(l, b)
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
			to.disconnected(l, err)
			more = false
		default:
			b, err = r.read()
			more = !r.left
		}
	}
}

// lend runs work on the reader goroutine. It sets r.left if another goroutine has
// begun to read meanwhile.
func (l *link) lend(r *socketReader, work seam.Work) {
	c := l.conn
	r.left = true
	turn := c.turn.Add(1)
	returned := false
	defer func() {
		mine := c.turn.CompareAndSwap(turn, turn+1)
		if returned {
			r.left = !mine
		} else if mine {
			go l.run(nil) // runtime.Goexit is ending this goroutine
		}
	}()
	c.do(work)
	returned, r.dry = true, false
}

// sparesReader reports whether the reader goroutine can be lent. A lent goroutine's
// stack grows to the needs of handlers, so the goroutine that an idle connection
// keeps is not lent.
func (l *link) sparesReader() bool {
	return l.active && (l.busy || l.raw != nil && l.conn.server.poller.works())
}

// busyReads is the number of reads between two heartbeats above which a connection is
// busy. A busy connection keeps its reader goroutine: that costs 4 KiB and saves the
// detour through the poller.
const busyReads = 8

func (l *link) noteRead() {
	if l.reads++; l.reads > busyReads {
		l.busy, l.reads = true, busyReads+1
	}
}

// noteHeartbeat classifies the link as busy or not by the reads since the last
// heartbeat.
func (l *link) noteHeartbeat() {
	l.busy, l.reads = l.reads > busyReads, 0
}

// park hands the link to the poller if that saves memory. fd is the socket's
// descriptor, which stays open during the call. If park returns true, another
// goroutine may already be reading.
func (l *link) park(fd uintptr) bool {
	if l.busy || !l.active {
		return false
	}
	c := l.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	// A goroutine that ends the connection changes the state first and then wakes a
	// parked link.
	return c.state == open && c.server.poller.park(l, int(fd))
}

// wake starts a reader if the link is parked.
func (l *link) wake() {
	if l.parked.CompareAndSwap(true, false) {
		go l.run(nil)
	}
}

// drain reads and discards input after the close frame, so that unread bytes of the
// peer do not turn our close into a TCP reset that destroys what we sent. It ends at
// the deadline that close has set, or when the connection is closed.
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

// packet decodes the message of a text or binary frame.
func (l *link) packet(m ws.Message) (packet, error) {
	switch {
	case m.Op == ws.Text && l.variant.revision3:
		return parseText3(m.Data)
	case m.Op == ws.Text:
		return parseText(m.Data)
	}
	p := packet{typ: packetMessage, binary: true, owned: m.Owned, data: m.Data}
	if l.variant.revision3 {
		return untyped(p)
	}
	return p, nil
}
