package engine

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// pollState is the polling side of a session: at most one GET that waits for
// messages and one POST that brings some.
type pollState struct {
	active  bool          // a GET is being served
	late    bool          // which came when the client had opened a WebSocket
	unsent  uint32        // bytes of messages in answers that are being written
	answers *answer       // which are these
	waiting chan struct{} // closed to wake the GET that has nothing to answer yet
	post    *post
}

// post is a POST request that is being served.
type post struct {
	w       http.ResponseWriter
	reading bool // its body has not arrived yet
}

// abort makes the reading of the body fail. mu is held, so that the request
// cannot end meanwhile.
func (p *post) abort() {
	if p.reading {
		// Where there are no deadlines, the request timeout is none either, and the
		// client's own end of the request is all there is.
		_ = http.NewResponseController(p.w).SetReadDeadline(time.Unix(1, 0))
	}
}

var (
	errPollOverlap    = errors.New("engine: overlap from client: two polls at once")
	errPostOverlap    = errors.New("engine: overlap from client: two data requests at once")
	errPollAborted    = errors.New("engine: poll connection closed prematurely")
	errPostAborted    = errors.New("engine: data request connection closed prematurely")
	errInvalidContent = errors.New("engine: invalid content type of a data request")
	errInvalidBody    = errors.New("engine: the body of a data request cannot be decoded")
)

// A poll that comes during an upgrade and has nothing to answer is released after
// this time: the client may be waiting for it. One that was there before is
// released by the probe.
const upgradePollInterval = 100 * time.Millisecond

// wakePoll releases the waiting GET, if there is one. mu is held.
func (c *Conn) wakePoll() {
	if c.poll.waiting != nil {
		close(c.poll.waiting)
		c.poll.waiting = nil
	}
}

// servePoll answers a GET: with what is in the outbox, as soon as there is
// something.
func (c *Conn) servePoll(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	if c.poll.active {
		c.mu.Unlock()
		c.fail(TransportError, errPollOverlap)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.poll.active = true
	// A client completes an upgrade when its poll has come back. One that comes when
	// there is a WebSocket, and is overtaken by the upgrade, has come over a
	// transport that is not in use any more.
	c.poll.late = c.link != nil || c.probe != nil || c.opening.Load() > 0
	if c.outbox.n == 0 && c.state == open && c.link == nil {
		clearWriteTimeout(w, r)
		if err := c.awaitOutbox(r); err != nil {
			c.poll.active = false
			c.mu.Unlock()
			c.fail(TransportError, err)
			// The client may only have closed its half of the connection, and would
			// take 200 without a body for a payload that cannot be parsed.
			panic(http.ErrAbortHandler)
		}
	}
	if c.poll.late && c.link != nil {
		c.poll.active = false
		c.mu.Unlock()
		writeError(w, http.StatusBadRequest, CodeBadRequest, CodeBadRequest.String())
		return
	}
	messages, finished := c.takePoll()
	c.poll.active = false
	drained := c.link == nil && c.backlog && c.outbox.n == 0
	if drained {
		c.backlog = false
	}
	a := &answer{conn: c, w: w, size: sizeOf(messages)}
	a.beginLocked()
	c.mu.Unlock()
	err := a.send(r, messages)
	c.mu.Lock()
	if c.state == draining && c.link == nil && !c.left {
		// The client has fetched a part of what is left, and has time to come for more.
		c.beat.after(c, c.lingerLocked())
	}
	c.mu.Unlock()
	switch {
	case finished:
		c.server.remove(c)
	case err != nil:
		c.fail(TransportError, err)
	case drained:
		c.onDrain()
	}
}

// clearWriteTimeout sees to it that a request which only waits is not ended by the
// server's WriteTimeout, as it would be over HTTP/2.
func clearWriteTimeout(w http.ResponseWriter, r *http.Request) {
	if s, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && s.WriteTimeout == 0 {
		return
	}
	// Where there are no deadlines, there is none to clear.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
}

// awaitOutbox waits until there is something to answer. mu is held, and
// released while it waits.
func (c *Conn) awaitOutbox(r *http.Request) error {
	wait := make(chan struct{})
	c.poll.waiting = wait
	var release <-chan time.Time
	if c.poll.late {
		release = time.After(upgradePollInterval)
	}
	c.mu.Unlock()
	var err error
	select {
	case <-wait:
	case <-release:
	case <-r.Context().Done():
		err = errPollAborted
	}
	c.mu.Lock()
	if c.poll.waiting == wait {
		c.poll.waiting = nil
	}
	return err
}

// takePoll returns what a GET is answered with. finished is set when that was
// the last of a closed session. mu is held.
func (c *Conn) takePoll() (messages []entry, finished bool) {
	if c.link != nil {
		return []entry{{m: noopPacket}}, false
	}
	packets := c.server.opts.MaxPollPackets
	messages = make([]entry, 0, min(c.outbox.n, packets)+1)
	messages = c.outbox.takePayload(messages, maxAnswer, packets)
	switch {
	case len(messages) > 0:
		// A close packet has to wait for the next poll: clients act on it before
		// they have handled the messages in front of it.
		return messages, false
	case c.state == open:
		return append(messages, entry{m: noopPacket}), false
	case c.left:
		return append(messages, entry{m: noopPacket}), c.finishPolling()
	default:
		c.finishPolling()
		return append(messages, entry{m: closePacket}), true
	}
}

func sizeOf(messages []entry) (n int) {
	for _, e := range messages {
		n += e.m.Len()
	}
	return n
}

// The content types of payloads.
const (
	plainText   = "text/plain; charset=UTF-8"
	octetStream = "application/octet-stream"
	javaScript  = "text/javascript; charset=UTF-8"
)

// appendPayload appends messages as one payload.
func (c *Conn) appendPayload(body []byte, messages []entry) (payload []byte, contentType string) {
	if c.revision3 {
		return appendPayload3(body, messages, c.base64)
	}
	for i, e := range messages {
		if i > 0 {
			body = append(body, separator)
		}
		body = append(body, e.m.payload()...)
	}
	return body, plainText
}

// send answers the request r, a GET, with messages.
func (a *answer) send(r *http.Request, messages []entry) error {
	defer a.end()
	c := a.conn
	buf := getBuffer()
	defer putBuffer(buf)
	body, contentType := c.appendPayload((*buf)[:0], messages)
	compress := false
	for _, e := range messages {
		compress = compress || e.flags&NoCompress == 0
	}

	h := a.w.Header()
	if c.jsonp != nil {
		body, contentType = c.jsonp.wrap(body), javaScript
		h.Set("X-Content-Type-Options", "nosniff")
	}
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	if ua := r.UserAgent(); strings.Contains(ua, ";MSIE") || strings.Contains(ua, "Trident/") {
		// Old Internet Explorers took the answer for a page with an attack in it.
		h.Set("X-XSS-Protection", "0")
	}

	o := c.server.opts
	if encoding := acceptedEncoding(r.Header); compress && encoding != "" &&
		!o.DisableHTTPCompression && len(body) >= o.HTTPCompressionThreshold {
		h.Set("Content-Encoding", encoding)
		h.Add("Vary", "Accept-Encoding")
		return writeCompressed(a, encoding, body)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, err := a.Write(body)
	return err
}

// servePost takes a POST: packets for us.
func (c *Conn) servePost(w http.ResponseWriter, r *http.Request) {
	cut := c.cutter(r.Header.Get("Content-Type"))
	if cut == nil {
		c.fail(TransportError, errInvalidContent)
		refuseBody(w, r, http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	if c.left {
		// Only the client's last poll is still awaited.
		c.mu.Unlock()
		c.server.refuse(w, r, unknownSession(r, c.id))
		return
	}
	if c.poll.post != nil {
		c.mu.Unlock()
		c.fail(TransportError, errPostOverlap)
		refuseBody(w, r, http.StatusBadRequest)
		return
	}
	current := &post{w: w, reading: true}
	c.poll.post = current
	c.mu.Unlock()

	body, err := c.readBody(w, r)
	defer body.release()
	c.mu.Lock()
	current.reading = false
	c.mu.Unlock()
	var tooLarge *http.MaxBytesError
	payload := body.bytes
	if err == nil && c.jsonp != nil {
		payload, err = formPayload(payload)
	}
	if err == nil {
		err = c.receivePayload(payload, cut)
	}
	c.mu.Lock()
	c.poll.post = nil
	c.mu.Unlock()

	h := w.Header()
	switch {
	case errors.As(err, &tooLarge):
		c.server.logTooLarge(c, Polling, max(r.ContentLength, 0))
		// The session survives: nothing of the request was looked at.
		refuseBody(w, r, http.StatusRequestEntityTooLarge)
	case errors.Is(err, errPostAborted):
		c.fail(TransportError, err)
		// The client is gone, or has to see that its request was cut off.
		panic(http.ErrAbortHandler)
	case errors.Is(err, errInvalidBody):
		c.fail(TransportError, err)
		writeError(w, http.StatusBadRequest, CodeBadRequest, CodeBadRequest.String())
	case err != nil:
		c.fail(ParseError, err)
		writeError(w, http.StatusBadRequest, CodeBadRequest, CodeBadRequest.String())
	default:
		h.Set("Content-Type", "text/html")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Length", "2")
		// An error concerns the next request's connection, if any.
		_, _ = io.WriteString(w, "ok")
	}
}

// refuseBody answers a request whose body nobody wants, without waiting for it.
func refuseBody(w http.ResponseWriter, r *http.Request, status int) {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	w.WriteHeader(status)
}

// readBody reads the body of a POST within the limits of size and, see
// ServeHTTP, time.
func (c *Conn) readBody(w http.ResponseWriter, r *http.Request) (batch, error) {
	limit := int64(c.server.opts.MaxPayload)
	if r.ContentLength > limit {
		return batch{}, &http.MaxBytesError{Limit: limit}
	}
	buf := getBuffer()
	b := batch{bytes: (*buf)[:0], buf: buf}
	// Also where a length was announced: middleware may decompress what comes.
	body := http.MaxBytesReader(w, r.Body, limit)
	for next := corkLimit; ; {
		if len(b.bytes) >= next {
			c.extendPost(w)
			next = len(b.bytes) + corkLimit
		}
		if len(b.bytes) == cap(b.bytes) {
			// Room for what was announced, in proportion to what has arrived.
			size := 4 * len(b.bytes)
			if announced := int(r.ContentLength); announced >= len(b.bytes) {
				size = min(size, announced+1) // one more, to see the end
			}
			b.bytes = append(make([]byte, 0, size), b.bytes...)
		}
		n, err := body.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if n > 0 {
			c.beat.noteArrival()
		}
		if err == io.EOF {
			return b, nil
		}
		var tooLarge *http.MaxBytesError
		if err != nil && !errors.As(err, &tooLarge) {
			err = bodyError(r, err)
		}
		if err != nil {
			return b, err
		}
	}
}

// extendPost gives the client the request timeout for the next part of a body, unless the
// session has ended, so that the reading is to fail.
func (c *Conn) extendPost(w http.ResponseWriter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == open {
		setReadTimeout(w, c.server.opts.RequestTimeout)
	}
}

// setReadTimeout bounds the reading of a body. Where deadlines are not supported, the
// server's own apply.
func setReadTimeout(w http.ResponseWriter, timeout time.Duration) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(timeout))
}

// bodyError returns the cause with which a session ends when the body of a POST cannot
// be read: the request was cut off, or it arrives but is malformed, such as a chunk
// without a valid length (RFC 9112, section 7.1).
func bodyError(r *http.Request, err error) error {
	var ne net.Error
	if r.ProtoMajor != 1 || r.Context().Err() != nil || errors.As(err, &ne) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.Join(errPostAborted, err)
	}
	return errors.Join(errInvalidBody, err)
}

// A cutter takes the first packet off a polling payload.
type cutter func(payload []byte) (p packet, rest []byte, more bool, err error)

// cutter returns the one for payloads of a content type, or nil if the client may
// not send that.
func (c *Conn) cutter(contentType string) cutter {
	binary := contentType == octetStream
	switch {
	case !c.revision3 && binary:
		return nil
	case !c.revision3:
		return cutText
	case binary && c.jsonp == nil:
		return cutBinary3
	default:
		return cutText3
	}
}

// cutText is the cutter of revision 4.
func cutText(payload []byte) (p packet, rest []byte, more bool, err error) {
	text, rest, more := bytes.Cut(payload, []byte{separator})
	p, err = parseText(validUTF8(text))
	return p, rest, more, err
}

func validUTF8(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	return bytes.ToValidUTF8(text, []byte("\uFFFD"))
}

// receivePayload delivers the packets of a polling payload. Those before one
// that cannot be decoded are delivered, too.
func (c *Conn) receivePayload(payload []byte, cut cutter) error {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	returned := false
	defer func() {
		if !returned { // a handler has ended the goroutine, or has panicked
			c.fail(TransportError, errHandlerExit)
		}
	}()
	defer c.guard()
	err := c.deliverPayload(payload, cut)
	c.deliverBatch()
	returned = true
	return err
}

func (c *Conn) deliverPayload(payload []byte, cut cutter) error {
	for more := true; more; {
		var p packet
		var err error
		if p, payload, more, err = cut(payload); err != nil {
			return err
		}
		if p.typ == packetClose {
			c.leave()
			return nil
		}
		if c.ended.Load() {
			return nil
		}
		c.receive(p)
	}
	return nil
}

// leave ends the session at the client's request: its pending poll gets a noop.
func (c *Conn) leave() {
	c.mu.Lock()
	c.left = true
	finish := c.finishPolling()
	c.mu.Unlock()
	if finish {
		c.server.remove(c)
		return
	}
	c.fail(TransportClose, nil)
}

// finishPolling ends the waiting for the last poll of a session that is closed
// already, and reports whether there was one. mu is held.
func (c *Conn) finishPolling() bool {
	if c.state != draining || c.link != nil {
		return false
	}
	c.state = closed
	c.beat.stop()
	c.outbox.clear()
	c.wakePoll()
	c.dismissProbeLocked()
	return true
}

// acceptedEncoding returns the encoding for an answer, gzip before deflate, or
// "" for none.
func acceptedEncoding(h http.Header) string {
	accept := h.Get("Accept-Encoding")
	if accept == "" {
		return ""
	}
	found := ""
	for element := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(element), ";")
		if q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q="); ok {
			if weight, err := strconv.ParseFloat(q, 64); err != nil || weight == 0 {
				continue
			}
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "*":
			return "gzip"
		case "deflate":
			found = "deflate"
		}
	}
	return found
}

var gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func writeCompressed(w io.Writer, encoding string, body []byte) error {
	if encoding == "gzip" {
		z := gzipWriters.Get().(*gzip.Writer)
		defer gzipWriters.Put(z)
		z.Reset(w)
		_, err := z.Write(body)
		return errors.Join(err, z.Close())
	}
	// HTTP's "deflate" is the zlib format (RFC 9110, section 8.4.1.2).
	z := zlib.NewWriter(w)
	_, err := z.Write(body)
	return errors.Join(err, z.Close())
}
