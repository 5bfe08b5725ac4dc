package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/errtext"
	"github.com/seed96b07ef8/socketio/internal/redact"
)

// Defaults of [DialOptions] that [ServerOptions] does not have.
const (
	// DefaultConnectTimeout is the default of the JavaScript client of Socket.IO.
	DefaultConnectTimeout = 20 * time.Second
	// DefaultMaxMessage leaves room for the whole outbox of a server. Some servers
	// send it in one response to a poll.
	DefaultMaxMessage = 16 << 20
	// DefaultPath is the path of URLs without one.
	DefaultPath = "/engine.io/"
)

// DialOptions configures [Dial]. A zero field selects its default, and so does a nil
// *DialOptions for all fields. Values that the fields refer to must not be modified
// while connections use them.
type DialOptions struct {
	// Transports lists the allowed transports; Dial starts with the first. Default:
	// Polling, then WebSocket.
	Transports []Transport
	// TryAllTransports makes Dial try the next transport if the handshake over one of
	// them fails. By default it tries only the first.
	TryAllTransports bool
	// NoUpgrade keeps a connection that started with polling on polling. By default
	// the client upgrades to WebSocket if both ends support it.
	NoUpgrade bool
	// RememberUpgrade, if set, makes Dial start with WebSocket if that has worked
	// before, and fall back to the first transport if it fails.
	RememberUpgrade *UpgradeMemory

	// ExactPath requests the path "/" as it is, instead of replacing it by
	// [DefaultPath]. Default false.
	ExactPath bool
	// Query is added to the query of the URL in every request.
	Query url.Values
	// Header is sent with every request. A Host in it replaces the host of the URL.
	// Dial rejects names that are not HTTP tokens and values with control characters.
	Header http.Header
	// Jar stores cookies between requests. Default: a jar for each connection, so
	// that load balancers that route by cookie find the session. That jar holds up to
	// 50 cookies with 16 KiB of names and values, and ignores more.
	Jar http.CookieJar
	// Subprotocols lists the subprotocols offered in WebSocket handshakes. Default:
	// none.
	Subprotocols []string
	// ForceBase64 makes both sides send binary messages as base64 text over
	// WebSocket, for intermediaries that do not pass binary frames. Default false.
	ForceBase64 bool
	// TimestampRequests adds a parameter to each request that makes its URL unique,
	// to defeat caches that ignore headers. Default false.
	TimestampRequests bool
	// TimestampParam is the name of that parameter. Default "t".
	TimestampParam string

	// TLSConfig is used for https and wss URLs. Default: the zero tls.Config.
	TLSConfig *tls.Config
	// Proxy returns the proxy for a request, or nil. Its scheme is http or https for
	// a proxy that accepts CONNECT, or socks5 or socks5h for a SOCKS 5 proxy, which
	// also resolves host names. The user and password of the URL are sent to the
	// proxy. Default: [net/http.ProxyFromEnvironment].
	Proxy func(*http.Request) (*url.URL, error)
	// DialContext opens network connections, including those to proxies. Default:
	// DialContext of a zero net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// RoundTripper performs the requests of polling, to which TLSConfig, Proxy and
	// DialContext then do not apply. Default: an http.Transport for each connection.
	RoundTripper http.RoundTripper
	// PerMessageDeflate, if set, offers compression of WebSocket messages (RFC 7692).
	// Default: off.
	PerMessageDeflate *PerMessageDeflate

	// None of the following timeouts may be shorter than a millisecond.
	//
	// ConnectTimeout is how long a handshake, or an upgrade, may take. It starts anew
	// for each transport that Dial tries. Default 20 s.
	ConnectTimeout time.Duration
	// RequestTimeout is how long a data request of polling may make no progress: how
	// long the network may take for a part of the body, and then the server for its
	// response. Default 30 s. It does not apply to polls, because the heartbeat
	// detects an unreachable server.
	RequestTimeout time.Duration
	// WriteTimeout is how long the server may take to accept a write to a WebSocket
	// before the client closes the connection with [TransportError]. Default 20 s.
	WriteTimeout time.Duration

	// MaxMessage is the maximum size in bytes of a message, or of a response to a
	// poll, also after decompression. A larger one ends the connection with
	// [ParseError]. Default 16 MiB.
	MaxMessage int
	// OutboxBytes and OutboxMessages bound the messages queued for the server. The
	// same bounds apply separately to [Control] messages, which no policy drops.
	// Defaults: 8 MiB and 65536 messages.
	OutboxBytes, OutboxMessages int
	// Overflow is the policy for messages that exceed these bounds. Default: Refuse.
	// Disconnect means Refuse, too: a client does not end its own connection because
	// the application sends more than the network carries.
	Overflow Overflow

	// Logger receives the log records; protocol traffic is logged at debug level.
	// Default: slog.Default().
	Logger *slog.Logger

	now     func() time.Time   // the wall clock; tests replace it
	ways    map[Transport]*way // of links
	streams map[Transport]dialStream
}

// An UpgradeMemory records whether WebSocket works with a server, for
// [DialOptions].RememberUpgrade. The zero value has no record. Use one for each
// server. It may be shared by any number of connections.
type UpgradeMemory struct{ worked atomic.Bool }

func (m *UpgradeMemory) set(t Transport, worked bool) {
	if m != nil && t == WebSocket {
		m.worked.Store(worked)
	}
}

// withDefaults returns a copy of o in which every field has its effective value.
func (o *DialOptions) withDefaults() (*DialOptions, error) {
	var c DialOptions
	if o != nil {
		c = *o
	}
	if err := firstError(
		withThreshold(&c.PerMessageDeflate),
		orTime("ConnectTimeout", &c.ConnectTimeout, DefaultConnectTimeout),
		orTime("RequestTimeout", &c.RequestTimeout, DefaultRequestTimeout),
		orTime("WriteTimeout", &c.WriteTimeout, DefaultWriteTimeout),
		orDefault("MaxMessage", &c.MaxMessage, DefaultMaxMessage),
		orDefault("OutboxBytes", &c.OutboxBytes, DefaultOutboxBytes),
		orDefault("OutboxMessages", &c.OutboxMessages, DefaultOutboxMessages),
		c.Overflow.check(),
		withTransports(&c.Transports, slices.Collect(maps.Keys(c.streams))),
		checkHeader(c.Header),
	); err != nil {
		return nil, err
	}
	if c.Overflow == Disconnect {
		c.Overflow = Refuse
	}
	if c.now == nil {
		c.now = time.Now
	}
	for i, t := range c.Transports {
		if slices.Contains(c.Transports[:i], t) {
			return nil, &OptionError{"Transports", t, "named twice"}
		}
	}
	for _, p := range c.Subprotocols {
		if !isToken(p) {
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
	c.ways = newWays(slices.Collect(maps.Keys(c.streams)), c.PerMessageDeflate, c.WriteTimeout, true)
	return &c, nil
}

// checkHeader rejects headers that are not valid (RFC 9110, section 5.5). net/http
// rejects them in the first polling request, but omits or changes them in a WebSocket
// handshake. The error does not quote values, which may be secret.
func checkHeader(h http.Header) error {
	for name, values := range h {
		if !isToken(name) {
			return &OptionError{"Header", strconv.Quote(name), "the name is not a token of HTTP"}
		}
		for _, value := range values {
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return &OptionError{"Header", name, "the value has a control character"}
			}
		}
	}
	return nil
}

// redactedProxy removes passwords from the errors of a Proxy function. Errors of
// net/http quote the URL of the proxy.
func redactedProxy(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		u, err := proxy(r)
		return u, redact.Error(err)
	}
}

// Dial connects to an Engine.IO server and returns when the handshake is complete.
// From then on h receives the messages and the end of the connection; if h is nil,
// they are discarded.
//
// The scheme of the URL is http, https, ws or wss; ws means http and wss means https,
// because the options select the transports. The path is used as it is, except that
// "" and "/" mean [DefaultPath]. The query is sent with every request. A user and
// password are sent as basic authentication. Redirects are not followed.
//
// ctx applies only to the handshake: canceling it later does not end the connection.
// The error is an [*OptionError], an [*OpError], or several of those with
// TryAllTransports. If ctx has ended, the error matches the error and the cause of
// ctx; if ConnectTimeout has passed, it matches [context.DeadlineExceeded]. A failed
// Dial leaves nothing running.
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
			continue // tried first because of RememberUpgrade
		}
		c, err := dial(ctx, t, transport, o, h)
		if err == nil {
			return c, nil
		}
		o.Logger.Debug("engine: handshake failed", "transport", string(transport), "error", err)
		o.RememberUpgrade.set(transport, false)
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
	if transport != Polling {
		l, early, err := c.openLink(ctx, transport, "handshake")
		if err != nil {
			return nil, withCause(ctx, err)
		}
		c.mu.Lock()
		c.link, c.target = l, nil
		c.startLocked(func() { c.readLoop(l, early) })
		c.mu.Unlock()
	} else {
		c.web = newWeb(o)
		c.mu.Lock()
		c.polling = true
		c.startLocked(c.pollLoop)
		c.mu.Unlock()
	}
	select {
	case <-c.opened:
		return c, nil
	case <-ctx.Done():
		err := ctxerr.Of(ctx)
		switch transport {
		case Polling:
		case WebSocket:
			err = fmt.Errorf("%w, but a WebSocket that sends nothing: %w", ErrNoHandshake, err)
		default:
			err = fmt.Errorf("%w, but a connection that sends nothing: %w", ErrNoHandshake, err)
		}
		c.fail(TransportError, opError("handshake", transport, err))
	case <-c.done:
	}
	<-c.done
	select {
	case <-c.opened:
		return c, nil // it has ended since, and OnClose was called
	default:
		return nil, c.failure
	}
}

// withCause adds the error and cause of ctx to an error that they led to.
func withCause(ctx context.Context, err *OpError) *OpError {
	if ctx.Err() != nil && !(errors.Is(err.Err, ctx.Err()) && errors.Is(err.Err, context.Cause(ctx))) {
		err.Err = ctxerr.Join(ctxerr.Of(ctx), err.Err)
	}
	return err
}

// A target is the destination of the requests of a connection.
type target struct {
	url    url.URL // http or https, without a query
	query  string  // the encoded query of all requests
	header http.Header
	host   string
}

// newTarget returns the target for a URL passed to Dial.
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

// request returns a new request (Engine.IO protocol v4, "Query parameters").
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
