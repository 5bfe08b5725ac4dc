package engine

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// web is what a client needs for polling, and lets go of when it is on a WebSocket.
type web struct {
	client    http.Client
	transport *http.Transport // nil when it is the caller's
	ctx       context.Context // of all requests
	cancel    context.CancelFunc
}

// Answers with larger heads are refused.
const maxAnswerHeader = 64 << 10

func newWeb(o *DialOptions) *web {
	w := &web{client: http.Client{
		Transport: o.RoundTripper,
		Jar:       o.Jar,
		// Some redirects would turn a POST into a GET and lose what it brings.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	if w.client.Jar == nil {
		w.client.Jar = newBoundedJar()
	}
	if w.client.Transport == nil {
		// Its connections end with the session, so they need no timer for being idle.
		w.transport = &http.Transport{
			Proxy:                  o.Proxy,
			DialContext:            o.DialContext,
			TLSClientConfig:        o.TLSConfig.Clone(),
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: maxAnswerHeader,
		}
		w.client.Transport = w.transport
	}
	return w
}

// close ends all requests and connections.
func (w *web) close() {
	w.cancel()
	if w.transport != nil {
		w.transport.CloseIdleConnections()
	}
}

// jar returns where cookies are, or nil.
func (c *Client) jar() http.CookieJar {
	if c.web != nil {
		return c.web.client.Jar
	}
	return c.opts.Jar
}

var (
	errAnswerTooLarge = errors.New("the answer exceeds the limit")
	errEncoding       = errors.New("unknown content encoding")
	errServerLeft     = errors.New("engine: the server has closed the session")
)

// exchange performs a request of polling and reads its answer, of at most limit
// bytes.
func (c *Client) exchange(op string, r *http.Request, limit int) (batch, *OpError) {
	resp, err := c.web.client.Do(r)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // without the URL, which has the session ID
		}
		if cause := context.Cause(r.Context()); cause != nil {
			err = cause
		}
		return batch{}, opError(op, Polling, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		// An error only makes it shorter.
		body, _ := io.ReadAll(io.LimitReader(resp.Body, ws.MaxAnswerBody))
		return batch{}, answerError(op, Polling, resp.StatusCode, resp.Header, body)
	}
	if resp.Header.Get("Content-Encoding") != "" {
		return batch{}, opError(op, Polling, errEncoding)
	}
	buf := getBuffer()
	body := bytes.NewBuffer((*buf)[:0])
	n, err := body.ReadFrom(arrivals{io.LimitReader(resp.Body, int64(limit)+1), c})
	if err == nil && n > int64(limit) {
		err = errAnswerTooLarge
	}
	if err != nil {
		putBuffer(buf)
		return batch{}, opError(op, Polling, err)
	}
	return batch{bytes: body.Bytes(), buf: buf}, nil
}

// arrivals notes what a client reads.
type arrivals struct {
	io.Reader
	client *Client
}

func (a arrivals) Read(b []byte) (int, error) {
	n, err := a.Reader.Read(b)
	if n > 0 {
		a.client.noteArrival()
	}
	return n, err
}

// pollLoop polls, the first time for the handshake, until the connection has ended
// or an upgrade takes over. Canceling the context of web stops it.
func (c *Client) pollLoop() {
	for c.poll() {
	}
}

// poll performs one poll and delivers what it brings. It returns false when that
// was the last.
func (c *Client) poll() bool {
	op := "poll"
	if c.id == "" {
		op = "handshake"
	}
	ctx, cancel := unrepeated(c.web.ctx)
	defer cancel(nil)
	body, failed := c.exchange(op, c.request(ctx, http.MethodGet, Polling), c.opts.MaxMessage)
	if failed == nil {
		err := c.receivePayload(body.bytes)
		body.release()
		if err != nil {
			c.fail(ParseError, opError(op, Polling, err))
		}
	} else if errors.Is(failed, errAnswerTooLarge) {
		c.fail(ParseError, failed)
	} else {
		c.fail(TransportError, failed)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == open && !c.pausing {
		return true
	}
	c.polling = false
	c.rested()
	return false
}

var errRepeated = errors.New("the connection broke before the answer came")

// unrepeated returns a context for a request that must not be sent twice. A transport
// does that with a GET whose connection breaks, but the server may have answered the
// first one with messages, which would be missing then. HTTP/2 is not concerned: it
// knows what a server has not looked at, and repeats nothing else.
func unrepeated(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	var sent atomic.Bool
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if sent.Load() && !speaksHTTP2(info.Conn) {
				cancel(errRepeated)
				info.Conn.Close() // before anything is written
			}
		},
		WroteHeaders: func() { sent.Store(true) },
	}), cancel
}

func speaksHTTP2(nc net.Conn) bool {
	secure, ok := nc.(*tls.Conn)
	return ok && secure.ConnectionState().NegotiatedProtocol == "h2"
}

// receivePayload delivers the packets of an answer (Engine.IO protocol v4, "HTTP
// long-polling"). Those before one that cannot be decoded are delivered, too.
func (c *Client) receivePayload(payload []byte) error {
	if c.id == "" && isRevision3(payload) {
		return ErrRevision3
	}
	for more := true; more; {
		var p packet
		var err error
		p, payload, more, err = cutText(payload)
		switch {
		case c.ended.Load():
			return nil
		case c.id == "":
			if err != nil {
				return ErrNoHandshake
			}
			if err := c.open(p); err != nil {
				return err
			}
		case err != nil:
			return err
		case p.typ == packetClose:
			c.fail(TransportClose, errServerLeft)
			return nil
		default:
			c.receive(p)
		}
	}
	return nil
}

// isRevision3 reports whether payload is a handshake in the form of revision 3.
func isRevision3(payload []byte) bool {
	for _, cut := range []cutter{cutText3, cutBinary3} {
		if p, _, _, err := cut(payload); err == nil && p.typ == packetOpen && len(p.data) > 0 {
			return true
		}
	}
	return false
}

// postLoop sends what is in the outbox, one request after the other, until nothing
// is left or the connection has ended. The timeout of requests, and canceling the
// context of web, stop it.
func (c *Client) postLoop() {
	for {
		c.mu.Lock()
		if c.state == closed || c.pausing || !c.waiting() {
			c.posting = false
			c.rested()
			c.drained() // releases mu
			return
		}
		body := c.takePost()
		last := c.state == draining && c.outbox.n == 0
		c.unsent = len(body)
		c.mu.Unlock()
		failed := c.post(body)
		c.mu.Lock()
		c.unsent = 0
		if failed == nil {
			c.fence.unread = false
		}
		if c.state == draining && (last || failed != nil) {
			c.shut(nil) // releases mu
			continue
		}
		c.mu.Unlock()
		if failed != nil {
			c.fail(TransportError, failed)
		}
	}
}

// Servers in Python drop requests with more packets than this, and say nothing.
const maxPostPackets = 16

// takePost takes packets from the outbox, as many as the server accepts at once, but
// at least one, and none behind a fence. The parts of one message may leave in several
// requests. mu is held.
func (c *Client) takePost() []byte {
	defer c.takenLocked()
	c.fence.unread = true
	var body []byte
	for _, e := range c.outbox.takePayload(nil, c.maxPayload, maxPostPackets) {
		for rest := e.m.frames; len(rest) > 0; {
			var op ws.Opcode
			var payload []byte
			op, payload, rest = ws.Frames(rest)
			if len(body) > 0 {
				body = append(body, separator)
			}
			if op == ws.Binary {
				body = appendBase64(append(body, 'b'), payload)
			} else {
				body = append(body, payload...)
			}
		}
	}
	return body
}

// post sends a payload.
func (c *Client) post(body []byte) *OpError {
	ctx, cancel := context.WithTimeout(c.web.ctx, c.opts.RequestTimeout)
	defer cancel()
	r := c.request(ctx, http.MethodPost, Polling)
	r.ContentLength = int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body, _ = r.GetBody()
	r.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	// The answer says "ok", or nothing.
	answer, failed := c.exchange("post", r, ws.MaxAnswerBody)
	answer.release()
	return failed
}
