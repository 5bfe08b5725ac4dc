package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/errtext"
	"github.com/seed96b07ef8/socketio/internal/redact"
)

// Defaults of [DialOptions] that servers do not have.
const (
	// DefaultConnectTimeout is that of Socket.IO clients.
	DefaultConnectTimeout = 20 * time.Second
	// DefaultMaxMessage leaves room for the whole outbox of a server, which other
	// servers than this package's send as one answer to a poll.
	DefaultMaxMessage = 16 << 20
	// DefaultPath is the path of URLs without one.
	DefaultPath = "/engine.io/"
)

// DialOptions configure [Dial]. The zero value of each field means its default; a
// nil *DialOptions is all defaults. What fields refer to must not be modified while
// connections use it.
type DialOptions struct {
	// Transports are those that may be used, the first to begin with. Default:
	// Polling, then WebSocket.
	Transports []Transport
	// TryAllTransports makes Dial go on with the next transport when the handshake
	// over one of them fails. Default false: only the first is tried.
	TryAllTransports bool
	// NoUpgrade keeps a connection that began with polling there. Default false: it
	// moves to WebSocket as soon as that works, if both ends have it.
	NoUpgrade bool
	// RememberUpgrade, if set, makes Dial begin with WebSocket when that has worked
	// before, and with the usual transport when that fails.
	RememberUpgrade *UpgradeMemory

	// ExactPath lets the path "/" of a URL stand for itself instead of [DefaultPath].
	// Default false.
	ExactPath bool
	// Query is sent with every request, along with that of the URL.
	Query url.Values
	// Header is sent with every request. A Host in it replaces that of the URL.
	Header http.Header
	// Jar keeps the cookies between requests. Default: a jar of its own for each
	// connection, so that load balancers which route by cookie find the session. It
	// keeps up to 50 cookies and 16 KiB of names and values, and ignores more.
	Jar http.CookieJar
	// Subprotocols are offered when a WebSocket is opened. Default: none.
	Subprotocols []string
	// ForceBase64 has binary messages travel as base64 text over WebSocket, too, for
	// what is in between and cannot take binary frames. Default false.
	ForceBase64 bool
	// TimestampRequests adds a parameter to each request that makes its URL unique,
	// against caches that ignore what headers say. Default false.
	TimestampRequests bool
	// TimestampParam is the parameter's name. Default "t".
	TimestampParam string

	// TLSConfig is used for https and wss URLs. Default: the zero tls.Config.
	TLSConfig *tls.Config
	// Proxy returns the proxy for a request, or nil. The scheme is http or https, for
	// one that is asked to CONNECT, or socks5 or socks5h, for one of SOCKS 5, which
	// resolves the names of hosts, too. User and password in the URL are sent to the
	// proxy. Default: [net/http.ProxyFromEnvironment].
	Proxy func(*http.Request) (*url.URL, error)
	// DialContext opens the network connections, those to proxies included. Default:
	// that of the zero net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// RoundTripper performs the requests of polling, and then none of TLSConfig,
	// Proxy and DialContext applies to them. Default: an http.Transport of its own
	// for each connection.
	RoundTripper http.RoundTripper
	// PerMessageDeflate, if set, offers to compress WebSocket messages. Default: off.
	PerMessageDeflate *PerMessageDeflate

	// Of the timeouts that follow, none may be shorter than a millisecond.
	//
	// ConnectTimeout is how long a handshake, and an upgrade, may take. It counts
	// anew for each transport that Dial tries. Default 20 s.
	ConnectTimeout time.Duration
	// RequestTimeout is how long a data request of polling may take. Default 30 s.
	// Polls are not subject to it: the heartbeat shows whether their server is there.
	RequestTimeout time.Duration
	// WriteTimeout is how long the server may take to accept a write to a WebSocket
	// before the connection is closed with [TransportError]. Default 20 s.
	WriteTimeout time.Duration

	// MaxMessage is the size in bytes of the largest message, or answer to a poll,
	// that is accepted, also when decompressed. More ends the connection with
	// [ParseError]. Default 16 MiB.
	MaxMessage int
	// OutboxBytes and OutboxMessages bound what waits for the server. Defaults: 8 MiB
	// and 65536 messages.
	OutboxBytes, OutboxMessages int
	// Overflow says what happens when they are exceeded. Default: Refuse, for which
	// Disconnect stands, too: a client does not end its own connection because the
	// application sends more than the network takes.
	Overflow Overflow

	// Logger receives what is worth knowing; protocol chatter at debug level.
	// Default: slog.Default().
	Logger *slog.Logger

	now func() time.Time // the wall clock; tests replace it
}

// An UpgradeMemory remembers whether WebSocket works with a server, for
// [DialOptions].RememberUpgrade. The zero value remembers nothing. Use one for each
// server; it may be used by any number of connections at the same time.
type UpgradeMemory struct{ worked atomic.Bool }

func (m *UpgradeMemory) set(worked bool) {
	if m != nil {
		m.worked.Store(worked)
	}
}

// orDefault gives an option that is zero its default, and refuses a negative one.
func orDefault[T int | time.Duration](field string, p *T, def T) error {
	if *p < 0 {
		return &OptionError{field, *p, "must not be negative"}
	}
	if *p == 0 {
		*p = def
	}
	return nil
}

// checkDuration refuses a duration that cannot be meant: no network needs less than a
// millisecond.
func checkDuration(field string, d time.Duration) error {
	if d > 0 && d < time.Millisecond {
		return &OptionError{field, d, "must be at least 1ms; a plain number counts nanoseconds, write 20 * time.Second"}
	}
	return nil
}

// withDefaults returns a copy of o in which every field has its effective value.
func (o *DialOptions) withDefaults() (*DialOptions, error) {
	var c DialOptions
	if o != nil {
		c = *o
	}
	if c.PerMessageDeflate != nil {
		deflate := *c.PerMessageDeflate
		c.PerMessageDeflate = &deflate
		if err := orDefault("PerMessageDeflate.Threshold", &deflate.Threshold, DefaultCompressionThreshold); err != nil {
			return nil, err
		}
	}
	for _, err := range []error{
		checkDuration("ConnectTimeout", c.ConnectTimeout),
		checkDuration("RequestTimeout", c.RequestTimeout),
		checkDuration("WriteTimeout", c.WriteTimeout),
		orDefault("ConnectTimeout", &c.ConnectTimeout, DefaultConnectTimeout),
		orDefault("RequestTimeout", &c.RequestTimeout, DefaultRequestTimeout),
		orDefault("WriteTimeout", &c.WriteTimeout, DefaultWriteTimeout),
		orDefault("MaxMessage", &c.MaxMessage, DefaultMaxMessage),
		orDefault("OutboxBytes", &c.OutboxBytes, DefaultOutboxBytes),
		orDefault("OutboxMessages", &c.OutboxMessages, DefaultOutboxMessages),
	} {
		if err != nil {
			return nil, err
		}
	}
	if c.Overflow < Disconnect || c.Overflow > Refuse {
		return nil, &OptionError{"Overflow", int(c.Overflow), "unknown policy"}
	}
	if c.Overflow == Disconnect {
		c.Overflow = Refuse
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.Transports == nil {
		c.Transports = []Transport{Polling, WebSocket}
	}
	if len(c.Transports) == 0 {
		return nil, &OptionError{"Transports", c.Transports, "at least one is needed"}
	}
	for i, t := range c.Transports {
		switch {
		case t != Polling && t != WebSocket:
			return nil, &OptionError{"Transports", t, "unknown transport"}
		case slices.Contains(c.Transports[:i], t):
			return nil, &OptionError{"Transports", t, "named twice"}
		}
	}
	for _, p := range c.Subprotocols {
		if p == "" || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) }) {
			return nil, &OptionError{"Subprotocols", p, "not a token of HTTP"}
		}
	}
	if c.TimestampParam == "" {
		c.TimestampParam = "t"
	}
	if c.Proxy == nil {
		c.Proxy = http.ProxyFromEnvironment
	}
	c.Proxy = redactedProxy(c.Proxy)
	if c.DialContext == nil {
		c.DialContext = new(net.Dialer).DialContext
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &c, nil
}

// redactedProxy keeps passwords out of the errors of a Proxy function. Those of
// net/http quote the proxy's URL.
func redactedProxy(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		u, err := proxy(r)
		return u, redact.Error(err)
	}
}

// Dial connects with an Engine.IO server and returns when the handshake is done. h
// receives what happens on the connection from then on; nil discards it.
//
// The URL is one of http, https, ws or wss, where ws means the same as http; the
// options say which transports are used. Its path is used as it is, but for "" and
// "/", which mean [DefaultPath]. Its query is sent with every request, and its user
// and password, if any, as basic authentication. Redirects are not followed.
//
// ctx concerns the handshake only: it does not end the connection later. The error
// is an [*OptionError], an [*OpError], or several of those with TryAllTransports.
// When ctx has ended, it matches ctx's error and the cause of that; when
// ConnectTimeout has passed, [context.DeadlineExceeded]. Nothing is left of a connection that has failed.
func Dial(ctx context.Context, url string, opts *DialOptions, h ClientHandler) (*Client, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	t, err := newTarget(url, o)
	if err != nil {
		return nil, err
	}
	transports := o.Transports
	if !o.TryAllTransports {
		transports = transports[:1]
	}
	if m := o.RememberUpgrade; m != nil && m.worked.Load() && transports[0] == Polling && slices.Contains(o.Transports, WebSocket) {
		transports = append([]Transport{WebSocket}, transports...)
	}
	var errs []error
	for i, transport := range transports {
		if slices.Contains(transports[:i], transport) {
			continue // it was tried because of what was remembered
		}
		c, err := dial(ctx, t, transport, o, h)
		if err == nil {
			return c, nil
		}
		o.Logger.Debug("engine: handshake failed", "transport", string(transport), "error", err)
		if transport == WebSocket {
			o.RememberUpgrade.set(false)
		}
		if failed, ok := err.(*OpError); ok {
			failed.URL = t.url.String()
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errtext.Join("; ", errs...)
}

// dial connects over one transport.
func dial(ctx context.Context, t *target, transport Transport, o *DialOptions, h ClientHandler) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, o.ConnectTimeout)
	defer cancel()
	c := newClient(t, o, h)
	if transport == WebSocket {
		l, early, err := c.openWebSocket(ctx, "handshake")
		if err != nil {
			return nil, withCause(ctx, err)
		}
		c.mu.Lock()
		c.link, c.target = l, nil
		c.start(func() { c.readLoop(l, early) })
		c.mu.Unlock()
	} else {
		c.web = newWeb(o)
		c.mu.Lock()
		c.polling = true
		c.start(c.pollLoop)
		c.mu.Unlock()
	}
	select {
	case <-c.opened:
		return c, nil
	case <-ctx.Done():
		err := ctxerr.Of(ctx)
		if transport == WebSocket {
			err = fmt.Errorf("%w, but a WebSocket that says nothing: %w", ErrNoHandshake, err)
		}
		c.fail(TransportError, opError("handshake", transport, err))
	case <-c.done:
	}
	<-c.done
	select {
	case <-c.opened:
		return c, nil // it has ended since, and the handler was told
	default:
		return nil, c.failure
	}
}

// withCause adds the end of ctx to an error that came of it.
func withCause(ctx context.Context, err *OpError) *OpError {
	if ctx.Err() != nil && !(errors.Is(err.Err, ctx.Err()) && errors.Is(err.Err, context.Cause(ctx))) {
		err.Err = ctxerr.Join(ctxerr.Of(ctx), err.Err)
	}
	return err
}

// A target is where the requests of a connection go.
type target struct {
	url    url.URL // http or https, without a query
	query  string  // what all requests have, encoded
	header http.Header
	host   string
}

// newTarget makes a target of the URL that is to be dialed.
func newTarget(rawURL string, o *DialOptions) (*target, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, &OptionError{"url", redact.URL(rawURL), redact.Reason(err)}
	}
	t := &target{url: *u, header: o.Header.Clone()}
	switch strings.ToLower(u.Scheme) {
	case "http", "ws":
		t.url.Scheme = "http"
	case "https", "wss":
		t.url.Scheme = "https"
	default:
		return nil, &OptionError{"url", redact.URL(rawURL), "the scheme must be http, https, ws or wss"}
	}
	if u.Hostname() == "" {
		return nil, &OptionError{"url", redact.URL(rawURL), "it names no host"}
	}
	if u.Path == "" || u.Path == "/" && !o.ExactPath {
		t.url.Path, t.url.RawPath = DefaultPath, ""
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, &OptionError{"url", redact.URL(rawURL), redact.Reason(err)}
	}
	for name, values := range o.Query {
		query[name] = append(query[name], values...)
	}
	for _, ours := range []string{"EIO", "transport", "sid"} {
		query.Del(ours)
	}
	if len(query) > 0 {
		t.query = query.Encode() + "&"
	}
	t.url.RawQuery, t.url.Fragment, t.url.RawFragment = "", "", ""
	if t.header == nil {
		t.header = make(http.Header)
	}
	t.host = t.header.Get("Host")
	t.header.Del("Host")
	if u.User != nil && t.header.Get("Authorization") == "" {
		password, _ := u.User.Password()
		r := http.Request{Header: t.header}
		r.SetBasicAuth(u.User.Username(), password)
	}
	t.url.User = nil
	return t, nil
}

// request returns a request of a client (Engine.IO protocol v4, "Query
// parameters").
func (c *Client) request(ctx context.Context, method string, transport Transport) *http.Request {
	t := c.target
	u := t.url
	u.RawQuery = t.query + "EIO=4&transport=" + string(transport)
	if c.opts.ForceBase64 {
		u.RawQuery += "&b64=1"
	}
	if c.opts.TimestampRequests {
		u.RawQuery += "&" + url.QueryEscape(c.opts.TimestampParam) + "=" + NewID()
	}
	if c.id != "" {
		u.RawQuery += "&sid=" + url.QueryEscape(c.id)
	}
	r := &http.Request{
		Method: method,
		URL:    &u,
		Host:   t.host,
		Header: t.header.Clone(),
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if r.Host == "" {
		r.Host = u.Host
	}
	return r.WithContext(ctx)
}
