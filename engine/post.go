package engine

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
	"unicode/utf8"
)

// servePost processes the packets of a POST.
func (c *Conn) servePost(w http.ResponseWriter, r *http.Request) {
	cut := c.cutter(r.Header.Get("Content-Type"))
	c.mu.Lock()
	if c.left {
		// The client has left; only its last poll is awaited.
		c.mu.Unlock()
		c.server.refuse(w, r, unknownSession(r, c.id))
		return
	}
	var refusal error
	switch {
	case cut == nil:
		refusal = errInvalidContent
	case c.poll != nil && c.poll.post != nil:
		refusal = errPostOverlap
	}
	if refusal != nil {
		c.failPollingAndUnlock(refusal)
		refuseBody(w, r, http.StatusBadRequest)
		return
	}
	c.needPollLocked()
	current := &post{w: w, reading: true}
	c.poll.post = current
	c.mu.Unlock()

	err := c.takePost(current, r, cut)
	h := w.Header()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		c.server.logTooLarge(c, Polling, max(r.ContentLength, 0))
		// The session continues, because nothing of the request was processed.
		refuseBody(w, r, http.StatusRequestEntityTooLarge)
	case errors.Is(err, errPostAborted):
		c.fail(TransportError, err)
		// The client has disconnected, or must see that its request was cut off.
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
		// Ignore an error: it affects the connection, not the session.
		_, _ = io.WriteString(w, "ok")
	}
}

// takePost reads the body of a POST and delivers its packets. When it returns, the
// session accepts the next POST.
func (c *Conn) takePost(p *post, r *http.Request, cut cutter) error {
	read := false
	defer func() {
		c.finishPost(p)
		if !read { // middleware panicked in the body's Read
			c.fail(TransportError, errPostAborted)
		}
	}()
	body, err := c.readBody(p.w, r)
	read = true
	defer body.release()
	c.mu.Lock()
	p.reading = false
	c.mu.Unlock()
	payload := body.bytes
	if err == nil && c.jsonp != nil {
		payload, err = formPayload(payload)
	}
	if err != nil {
		return err
	}
	return c.receivePayload(payload, cut)
}

// finishPost makes way for the next POST. It waits until no other goroutine sets
// deadlines on p.
func (c *Conn) finishPost(p *post) {
	c.mu.Lock()
	p.reading = false
	c.poll.post = nil
	c.dropPollLocked()
	c.mu.Unlock()
	p.cuts.Wait()
}

// refuseBody answers a request without reading its body.
func refuseBody(w http.ResponseWriter, r *http.Request, status int) {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	w.WriteHeader(status)
}

// readBody reads the body of a POST within the limits of size and time. ServeHTTP
// sets the first deadline.
func (c *Conn) readBody(w http.ResponseWriter, r *http.Request) (batch, error) {
	limit := int64(c.server.opts.MaxPayload)
	if r.ContentLength > limit {
		return batch{}, &http.MaxBytesError{Limit: limit}
	}
	buf := getBuffer()
	b := batch{bytes: (*buf)[:0], buf: buf}
	// Limit the body even if Content-Length is known: middleware may decompress it.
	body := http.MaxBytesReader(w, r.Body, limit)
	for next := corkLimit; ; {
		if len(b.bytes) >= next {
			if !c.extendPost(w) {
				return b, errPostAborted
			}
			next = len(b.bytes) + corkLimit
		}
		if len(b.bytes) == cap(b.bytes) {
			// Allocate for the announced length in proportion to the bytes that have
			// arrived.
			size := min(4*len(b.bytes), int(limit)+1) // one more, to detect the end
			if announced := int(r.ContentLength); announced >= len(b.bytes) {
				size = min(size, announced+1)
			}
			b.bytes = append(make([]byte, 0, size), b.bytes...)
		}
		n, err := body.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if n > 0 {
			c.beat.arrived.note()
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

// extendPost starts the request timeout anew for the next part of a body. It returns
// false if the session has ended, because this call may have replaced the deadline by
// which another goroutine cuts off the read.
func (c *Conn) extendPost(w http.ResponseWriter) bool {
	setReadTimeout(w, c.server.opts.RequestTimeout)
	return !c.ended.Load()
}

// setReadTimeout bounds the time to read a body. If deadlines are not supported, the
// http.Server's ReadTimeout applies.
func setReadTimeout(w http.ResponseWriter, timeout time.Duration) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(timeout))
}

// bodyError returns the cause with which a session ends when the body of a POST
// cannot be read: the request was cut off, or the body is malformed, such as a chunk
// without a valid length (RFC 9112, section 7.1).
func bodyError(r *http.Request, err error) error {
	var ne net.Error
	if r.ProtoMajor != 1 || r.Context().Err() != nil || errors.As(err, &ne) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.Join(errPostAborted, err)
	}
	return errors.Join(errInvalidBody, err)
}

// A cutter cuts the first packet off a polling payload.
type cutter func(payload []byte) (p packet, rest []byte, more bool, err error)

// cutter returns the cutter for a content type, or nil if the client may not send
// that type.
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

// cutText is the cutter for revision 4.
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

// receivePayload delivers the packets of a polling payload, including those before an
// invalid one.
func (c *Conn) receivePayload(payload []byte, cut cutter) error {
	if c.enter() {
		defer c.server.goroutines.Done()
	}
	c.receiving.Lock()
	defer c.receiving.Unlock()
	returned := false
	defer func() {
		if !returned { // a handler called runtime.Goexit or panicked
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
