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
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// web holds what a client needs for polling. The client releases it after an upgrade.
type web struct {
	client    http.Client
	transport *http.Transport // nil if the caller supplied a RoundTripper
	ctx       context.Context // context of all requests
	cancel    context.CancelFunc
	// interrupts counts running calls of the functions returned by restLocked.
	interrupts sync.WaitGroup
}

// maxAnswerHeader bounds the header of a response in bytes.
const maxAnswerHeader = 64 << 10

func newWeb(o *DialOptions) *web {
	w := &web{client: http.Client{
		Transport: o.RoundTripper,
		Jar:       o.Jar,
		// Some redirects turn a POST into a GET without its body (RFC 9110, section
		// 15.4).
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	if w.client.Jar == nil {
		w.client.Jar = newBoundedJar()
	}
	if w.client.Transport == nil {
		// The connections end with the session, so they need no idle timeout.
		w.transport = &http.Transport{
			Proxy:                  o.Proxy,
			DialContext:            o.dialForUploads,
			TLSClientConfig:        o.TLSConfig.Clone(),
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: maxAnswerHeader,
		}
		w.client.Transport = w.transport
	}
	return w
}

// dialForUploads opens a connection with a small socket buffer, so that reads from a
// body show how much of it has been sent.
func (o *DialOptions) dialForUploads(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := o.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if raw := rawConn(nc); raw != nil {
		limitUnsent(raw, uploadPart)
	}
	return nc, nil
}

// close cancels all requests and closes the connections.
func (w *web) close() {
	w.cancel()
	if w.transport != nil {
		w.transport.CloseIdleConnections()
	}
}

// jar returns the jar that stores the cookies, or nil.
func (c *Client) jar() http.CookieJar {
	if c.web != nil {
		return c.web.client.Jar
	}
	return c.opts.Jar
}

var (
	errAnswerTooLarge = errors.New("the response exceeds the limit")
	errEncoding       = errors.New("unknown content encoding")
	errServerLeft     = errors.New("engine: the server has closed the session")
)

// exchange performs a polling request and reads its response, of at most limit bytes.
func (c *Client) exchange(op string, r *http.Request, limit int) (batch, *OpError) {
	resp, err := c.web.client.Do(r)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err // without the URL, which has the session ID
		}
		if cause := context.Cause(r.Context()); cause != nil {
			err = cause
		}
		return batch{}, opError(op, Polling, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		// Ignore an error: it only shortens the text.
		body, _ := io.ReadAll(io.LimitReader(resp.Body, ws.MaxAnswerBody))
		return batch{}, answerError(op, Polling, resp.StatusCode, resp.Header, body)
	}
	if resp.Header.Get("Content-Encoding") != "" {
		return batch{}, opError(op, Polling, errEncoding)
	}
	buf := getBuffer()
	body := bytes.NewBuffer((*buf)[:0])
	n, err := body.ReadFrom(arrivals{io.LimitReader(resp.Body, int64(limit)+1), c})
	if n > int64(limit) {
		err = errAnswerTooLarge
	}
	if err != nil {
		putBuffer(buf)
		return batch{}, opError(op, Polling, err)
	}
	return batch{bytes: body.Bytes(), buf: buf}, nil
}

// arrivals records that a client receives bytes.
type arrivals struct {
	io.Reader
	client *Client
}

func (a arrivals) Read(b []byte) (int, error) {
	n, err := a.Reader.Read(b)
	if n > 0 {
		a.client.arrived.note()
	}
	return n, err
}

// pollLoop polls until the connection has ended or an upgrade takes over. The first
// poll is the handshake. Canceling the context of web stops it.
func (c *Client) pollLoop() {
	c.surviveExit(func() {
		for c.poll() {
		}
	})
}

// poll performs one poll and delivers its messages. It returns false after the last
// poll.
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
	if c.state == open && !c.pausing {
		c.mu.Unlock()
		return true
	}
	c.polling = false
	interrupt := c.restLocked()
	c.mu.Unlock()
	interrupt()
	return false
}

var errRepeated = errors.New("the connection failed before the response arrived")

// unrepeated returns a context for a request that must not be sent twice. An
// http.Transport repeats a GET whose connection fails (RFC 9110, section 9.2.2), but
// the server may have answered the first one with messages, which would be lost.
// HTTP/2 is not affected: it reports which requests the server has not processed, and
// the transport repeats only those.
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

// receivePayload delivers the packets of a response (Engine.IO protocol v4, "HTTP
// long-polling"), including those before an invalid one.
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

// postLoop sends the outbox, one request after the other, until it is empty or the
// connection has ended. Canceling the context of web stops it, and so does a request
// that makes no progress within the request timeout.
func (c *Client) postLoop() {
	for {
		c.mu.Lock()
		if c.state == closed || c.pausing || !c.waitingLocked(c) {
			c.posting = false
			interrupt := c.restLocked()
			c.mu.Unlock()
			interrupt()
			c.mu.Lock()
			c.drainedAndUnlock() // releases mu
			return
		}
		messages := c.takePostLocked()
		last := c.state == draining && c.outbox.n == 0
		c.unsent = sizeOf(messages)
		c.mu.Unlock()
		failed := c.post(appendPost(nil, messages))
		c.mu.Lock()
		c.unsent = 0
		if failed == nil {
			c.fence.unread = false
		}
		if c.state == draining && (last || failed != nil) {
			c.shutAndUnlock(nil) // releases mu
			continue
		}
		c.mu.Unlock()
		if failed != nil {
			c.fail(TransportError, failed)
		}
	}
}

// maxPostPackets is the limit of servers in Python, which silently drop requests with
// more packets.
const maxPostPackets = 16

// takePostLocked takes messages from the outbox: as many as the server accepts at
// once, but at least one packet, and none behind a fence. The parts of one message
// may leave in several requests.
func (c *Client) takePostLocked() []entry {
	c.fence.unread = true
	messages := c.outbox.takePayload(nil, c.maxPayload, maxPostPackets)
	c.tookLocked()
	return messages
}

// appendPost appends messages as one payload.
func appendPost(body []byte, messages []entry) []byte {
	for _, e := range messages {
		for op, payload := range e.m.all() {
			body = appendPollingPacket(body, op, payload)
		}
	}
	return body
}

// post sends a payload.
func (c *Client) post(body []byte) *OpError {
	ctx, cancel := context.WithCancelCause(c.web.ctx)
	defer cancel(nil)
	timeout := c.opts.RequestTimeout
	stall := time.AfterFunc(timeout, func() { cancel(context.DeadlineExceeded) })
	defer stall.Stop()
	r := c.request(ctx, http.MethodPost, Polling)
	r.ContentLength = int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) {
		return &upload{rest: body, stall: stall, timeout: timeout}, nil
	}
	r.Body, _ = r.GetBody()
	r.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	// The body of the response is "ok" or empty.
	answer, failed := c.exchange("post", r, ws.MaxAnswerBody)
	answer.release()
	return failed
}

// uploadPart is the number of body bytes passed to net/http at once, which makes
// progress visible on a slow network: 4.8 kbit/s take 16 KiB in 27 s, less than the
// default RequestTimeout.
const uploadPart = 16 << 10

// An upload is the body of a data request. The request timeout starts anew whenever
// the transport reads a part of the body, so a request that makes progress is not
// canceled, however slow the network is.
type upload struct {
	rest    []byte
	stall   *time.Timer // cancels the request; later reads do no harm
	timeout time.Duration
}

// Read implements [io.Reader].
func (u *upload) Read(b []byte) (int, error) {
	u.stall.Reset(u.timeout) // also at the end: the server has this time for its answer
	if len(u.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), uploadPart)], u.rest)
	u.rest = u.rest[n:]
	return n, nil
}

// Close implements [io.Closer].
func (u *upload) Close() error { return nil }
