package engine

import (
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// pollState is the polling side of a session: at most one GET, which waits for
// messages, and one POST, which delivers some.
type pollState struct {
	active  bool          // a GET is being served
	late    bool          // that GET arrived after the client had opened a WebSocket
	unsent  uint32        // bytes of messages in answers
	answers *answer       // list of answers being written
	waiting chan struct{} // closed to wake a GET that waits for messages
	post    *post
}

// unsentBytes returns the size in bytes of the messages in answers.
func (p *pollState) unsentBytes() int {
	if p == nil {
		return 0
	}
	return int(p.unsent)
}

// needPollLocked allocates the polling side.
func (c *Conn) needPollLocked() {
	if c.poll == nil {
		c.poll = new(pollState)
	}
}

// dropPollLocked releases the polling side once the session has moved to a WebSocket
// and no polling request is being served.
func (c *Conn) dropPollLocked() {
	if p := c.poll; !c.pollsLocked() && p != nil && !p.active && p.answers == nil && p.post == nil {
		c.poll = nil
	}
}

// post is a POST request being served.
type post struct {
	w       http.ResponseWriter
	reading bool // its body is being read
	cuts    sync.WaitGroup
}

var (
	errPollOverlap    = errors.New("engine: overlap from client: two polls at once")
	errPostOverlap    = errors.New("engine: overlap from client: two data requests at once")
	errPollAborted    = errors.New("engine: poll connection closed prematurely")
	errNotAnswered    = errors.New("engine: the response to a poll was not written")
	errPostAborted    = errors.New("engine: data request connection closed prematurely")
	errInvalidContent = errors.New("engine: invalid content type of a data request")
	errInvalidBody    = errors.New("engine: the body of a data request cannot be decoded")
)

// upgradePollInterval is how long a poll without messages may wait during an upgrade
// before it is released, because the client may need its response to continue. A poll
// that was pending before the probe is released at the probe.
const upgradePollInterval = 100 * time.Millisecond

// wakePollLocked releases the waiting GET, if there is one.
func (c *Conn) wakePollLocked() {
	if c.poll != nil && c.poll.waiting != nil {
		close(c.poll.waiting)
		c.poll.waiting = nil
	}
}

// servePoll answers a GET with the outbox, as soon as it is not empty.
func (c *Conn) servePoll(w http.ResponseWriter, r *http.Request) {
	clearWriteTimeout(w, r)
	c.mu.Lock()
	c.needPollLocked()
	if c.poll.active {
		c.failPollingAndUnlock(errPollOverlap)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.poll.active = true
	// A client completes an upgrade after its poll has returned. A poll that arrives
	// after the WebSocket was opened, and that the upgrade overtakes, used the
	// previous transport.
	c.poll.late = !c.pollsLocked() || c.probe != nil || c.opening.Load() > 0
	if c.outbox.n == 0 && c.state == open && c.pollsLocked() {
		if err := c.awaitOutboxLocked(r); err != nil && c.pollsLocked() {
			c.poll.active = false
			c.failPollingAndUnlock(err)
			// The client may have closed only its half of the connection, and would
			// parse a 200 without a body as an invalid payload.
			panic(http.ErrAbortHandler)
		}
	}
	if c.poll.late && !c.pollsLocked() {
		c.poll.active = false
		c.dropPollLocked()
		c.mu.Unlock()
		writeError(w, http.StatusBadRequest, CodeBadRequest, CodeBadRequest.String())
		return
	}
	messages, probe, finished := c.takePollLocked()
	c.poll.active = false
	drained := c.pollsLocked() && c.backlog && c.outbox.n == 0
	if drained {
		c.backlog = false
	}
	a := &answer{conn: c, w: w, size: sizeOf(messages)}
	a.beginLocked()
	c.mu.Unlock()
	err := errNotAnswered // unless send returns: the ResponseWriter may panic
	defer func() { c.answered(messages, finished, drained, err) }()
	probe.interrupt()
	err = a.send(r, messages)
}

// answered is called after messages were written as the response to a GET, or err has
// prevented that.
func (c *Conn) answered(messages []entry, finished, drained bool, err error) {
	c.mu.Lock()
	if c.lingersLocked() && !c.left {
		// The client has fetched a part of the rest, and gets time to poll for more.
		c.beat.after(c, c.lingerLocked())
	}
	switch {
	case finished:
		c.mu.Unlock()
		c.server.remove(c)
	case err != nil && messages[0].m == noopPacket:
		c.failPollingAndUnlock(err)
	case err != nil:
		c.endAndUnlock(TransportError, err, false)
	default:
		c.mu.Unlock()
		if drained {
			c.onDrain()
		}
	}
}

// failPollingAndUnlock ends the session after a polling request with which no message
// was lost, or that was refused unread. A session that has moved to a WebSocket
// continues, because it needs no such requests.
func (c *Conn) failPollingAndUnlock(err error) {
	if !c.pollsLocked() {
		c.mu.Unlock()
		return
	}
	c.endAndUnlock(TransportError, err, false)
}

// clearWriteTimeout keeps the http.Server's WriteTimeout from ending a request that
// only waits, as it would over HTTP/2.
func clearWriteTimeout(w http.ResponseWriter, r *http.Request) {
	if s, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && s.WriteTimeout == 0 {
		return
	}
	// An error means that deadlines are not supported, so none is set.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
}

// awaitOutboxLocked waits until the outbox has messages. It releases mu while it
// waits.
func (c *Conn) awaitOutboxLocked(r *http.Request) error {
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

// takePollLocked returns the messages for the response to a GET. finished is set if
// it is the last of a closed session. probe is an upgrade that ends with it, or nil.
func (c *Conn) takePollLocked() (messages []entry, probe *link, finished bool) {
	if !c.pollsLocked() {
		return []entry{{m: noopPacket}}, nil, false
	}
	packets := c.server.opts.MaxPollPackets
	messages = make([]entry, 0, min(c.outbox.n, packets)+1)
	messages = c.outbox.takePayload(messages, maxAnswer, packets)
	switch {
	case len(messages) > 0:
		// Send a close packet only in the next response: clients act on it before
		// they have handled the messages that precede it.
		return messages, nil, false
	case c.state == open:
		return append(messages, entry{m: noopPacket}), nil, false
	case c.left:
		probe, finished = c.finishPollingLocked()
		return append(messages, entry{m: noopPacket}), probe, finished
	default:
		probe, _ = c.finishPollingLocked()
		return append(messages, entry{m: closePacket}), probe, true
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
		return appendPayload3(body, messages, c.base64, c.server.total.encoded)
	}
	for i, e := range messages {
		if i > 0 {
			body = append(body, separator)
		}
		if e.m.textOnly { // a single packet over polling
			_, text, _ := ws.Frames(e.m.frames)
			body = append(body, text...)
		} else {
			body = append(body, c.server.total.encoded(e.m, pollingForm)...)
		}
	}
	return body, plainText
}

// send answers r, a GET, with messages.
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
	a.resize(len(body))
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	if ua := r.UserAgent(); strings.Contains(ua, ";MSIE") || strings.Contains(ua, "Trident/") {
		// Old versions of Internet Explorer treat the response as a page with a
		// script injection.
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

// leave ends the session after a close packet of the client. A pending poll is
// answered with a noop.
func (c *Conn) leave() {
	c.mu.Lock()
	c.left = true
	probe, finish := c.finishPollingLocked()
	c.mu.Unlock()
	probe.interrupt()
	if finish {
		c.server.remove(c)
		return
	}
	c.fail(TransportClose, nil)
}

// finishPollingLocked ends the wait of a closed session for its last poll. It returns
// the WebSocket of an upgrade, which the caller must interrupt, or nil, and whether
// the session was waiting.
func (c *Conn) finishPollingLocked() (probe *link, ok bool) {
	if !c.lingersLocked() {
		return nil, false
	}
	c.state = closed
	c.beat.stop()
	c.outbox.clear()
	c.wakePollLocked()
	return c.dismissProbeLocked(), true
}

// acceptedEncoding returns the encoding for a response, gzip in preference to
// deflate, or "" for none (RFC 9110, section 12.5.3).
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
