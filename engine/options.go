package engine

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// A Transport is a way of carrying packets.
type Transport string

// The transports.
const (
	Polling   Transport = "polling"
	WebSocket Transport = "websocket"
)

// Defaults of [ServerOptions]. They equal those of the reference server where that
// server has the option.
const (
	DefaultPingInterval         = 25 * time.Second
	DefaultPingTimeout          = 20 * time.Second
	DefaultUpgradeTimeout       = 10 * time.Second
	DefaultMaxPayload           = 1_000_000
	DefaultCompressionThreshold = 1024
	DefaultOutboxBytes          = 8 << 20
	DefaultOutboxMessages       = 65536
	DefaultWriteTimeout         = 20 * time.Second
	DefaultRequestTimeout       = 30 * time.Second
	DefaultMaxHandshakes        = 4096
	DefaultMaxPollPackets       = 16
	DefaultMaxHeaderBytes       = 16 << 10
	DefaultTotalBytes           = 1 << 30
)

// minHeaderBytes is smaller than the header of any WebSocket handshake (RFC 6455,
// section 4.1).
const minHeaderBytes = 256

// Overflow is the policy for a message that does not fit into a connection's outbox
// because the peer reads more slowly than the application sends.
type Overflow int

const (
	// Disconnect closes the connection with [TransportError] and [ErrOutboxFull]. It
	// is the default of servers: a client that reconnects can recover, a client that
	// silently misses messages cannot.
	Disconnect Overflow = iota
	// DropOldest discards queued messages, oldest first, until the new one fits.
	DropOldest
	// DropNewest discards the new message.
	DropNewest
	// Refuse discards the new message and makes Send return [ErrOutboxFull].
	Refuse
)

var overflowNames = [...]string{"Disconnect", "DropOldest", "DropNewest", "Refuse"}

// String returns the policy's name.
func (o Overflow) String() string {
	if o.check() != nil {
		return "Overflow(" + strconv.Itoa(int(o)) + ")"
	}
	return overflowNames[o]
}

// ServerOptions configures a [Server]. A zero field selects its default, and so does
// a nil *ServerOptions for all fields.
type ServerOptions struct {
	// OnConnect is called for each new connection, before the server answers the
	// handshake and before it delivers messages. The returned Handler receives the
	// messages of the connection and its end; if it is nil, the server discards them.
	// Calls for different connections run concurrently.
	OnConnect func(c *Conn) Handler
	// Context, if set, returns the context of a connection, which [Conn.Context]
	// reports. r is the request that opens the connection; Context must not retain
	// it. Use Context to keep values that HTTP middleware stored in the context of
	// the request. Default: context.Background().
	Context func(r *http.Request) context.Context

	// PingInterval is the time between an answer to a ping and the next ping. Clients
	// of revision 3 learn it from the handshake and send their pings at this
	// interval. Default 25 s.
	PingInterval time.Duration
	// PingTimeout is how long a client may take to answer a ping. A client of
	// revision 3 may be this late with a ping. The time starts anew whenever bytes
	// arrive from the client or the client receives a message that was sent before
	// the ping. Default 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout is how long a client may take to complete an upgrade. After that
	// the session stays on its old transport. Default 10 s.
	UpgradeTimeout time.Duration
	// MaxPayload is the maximum size in bytes of a message and of a polling request.
	// The handshake announces it to the client. The server answers a larger request
	// with 413 and closes a WebSocket that carries a larger message with status 1009
	// (RFC 6455, section 7.4.1) and [TransportError]. Default 1,000,000.
	MaxPayload int

	// Transports lists the transports that clients may use. Default: Polling and
	// WebSocket.
	Transports []Transport
	// AllowEIO3 also accepts clients of protocol revision 3, which Socket.IO 2 uses,
	// and allows JSONP over polling; see Security in the package documentation. By
	// default the server refuses such clients with [CodeUnsupportedProtocol].
	AllowEIO3 bool
	// DisableUpgrades makes the server neither offer nor accept upgrades from
	// polling.
	DisableUpgrades bool

	// AllowRequest, if set, is called for each handshake, over any transport. If it
	// returns an error, the server refuses the handshake with 403 and [CodeForbidden]
	// and sends the text of the error to the client. It is not called for requests of
	// an existing session.
	AllowRequest func(r *http.Request) error
	// CORS, if set, allows pages of the origins that it names to connect, over any
	// transport. A request whose Origin header has another host than the request is
	// otherwise refused with 403 and [CodeForbidden]. Requests without an Origin
	// header pass: programs send none, and neither do polling requests of a page to
	// its own origin. Default: only the origin of the server.
	CORS *CORS
	// AllowAnyOrigin disables the check of origins. Any page in a user's browser may
	// then open a WebSocket, and the browser adds the user's cookies (RFC 6455,
	// section 10.2). Do not set it if cookies, or access to the network, authenticate
	// users. The server still sends CORS headers only for the origins of CORS.
	// Default false.
	AllowAnyOrigin bool
	// Cookie, if set, is a template for a cookie that carries the session ID, for
	// load balancers that route by cookie. The server sets it on the response to a
	// polling handshake. Name is required, and an empty Path means "/". Set HttpOnly
	// and SameSite as needed; [SessionCookie] returns the usual template.
	Cookie *http.Cookie
	// InitialHeaders, if set, may add headers to the response to a handshake.
	InitialHeaders func(h http.Header, r *http.Request)
	// Headers, if set, may add headers to every response: those to polling requests
	// and to WebSocket handshakes.
	Headers func(h http.Header, r *http.Request)
	// OnConnectionError, if set, is called for each refused request.
	OnConnectionError func(err *RequestError)
	// InitialMessage, if not nil, is a text message that the server sends with each
	// handshake.
	InitialMessage []byte
	// GenerateID, if set, replaces [NewID] as the source of session IDs. It must
	// return unique, unguessable IDs. Sticky load balancers and cluster adapters
	// require exactly 20 characters. If it returns an error, or an ID that is empty,
	// not valid UTF-8 or in use, the server refuses the handshake with
	// [CodeBadRequest] and logs a warning for an unusable ID.
	GenerateID func(r *http.Request) (string, error)

	// DisableHTTPCompression disables gzip and deflate for polling responses.
	DisableHTTPCompression bool
	// HTTPCompressionThreshold is the size in bytes from which polling responses are
	// compressed. Default 1024.
	HTTPCompressionThreshold int
	// PerMessageDeflate, if set, compresses WebSocket messages for clients that
	// negotiate it (RFC 7692). Compression costs CPU time and is off by default.
	PerMessageDeflate *PerMessageDeflate

	// OutboxBytes and OutboxMessages bound the messages queued for one connection; a
	// single larger message may be queued alone. The same bounds apply separately to
	// [Control] messages, which no policy drops: a client for which the server queues
	// more of them is disconnected. Defaults: 8 MiB and 65536 messages.
	OutboxBytes, OutboxMessages int
	// Overflow is the policy for other messages that exceed these bounds. Default:
	// Disconnect.
	Overflow Overflow
	// MaxPollPackets is the maximum number of packets in the response to a poll; the
	// client polls again for the rest. Default 16: python-engineio, on which
	// python-socketio is built, rejects a response with more packets and loses the
	// session. Clients in other languages accept any number, so without Python
	// clients a larger value speeds up bursts over polling.
	MaxPollPackets int
	// TotalBytes bounds the memory of all messages queued for all connections, plus
	// what their handlers hold for clients (see [Conn.Hold]). When it is exceeded,
	// the server closes the connections that hold most, with [TransportError] and
	// [ErrServerFull], until an eighth of the bound is free. A message queued for
	// many connections counts once. The first 64 KiB of each connection do not count,
	// so connections that keep up are not affected; see [Server.Held] and
	// [Server.Evicted].
	//
	// Input that is incomplete does not count: for each session the body of a data
	// request, or a WebSocket message of which a part has arrived, up to MaxPayload
	// bytes. Nor do the buffers of net/http, TLS and the kernel. Reduce MaxPayload if
	// many untrusted clients may connect.
	//
	// Default: half of the memory limit of the Go runtime (GOMEMLIMIT), or 1 GiB
	// without a limit.
	TotalBytes int
	// WriteTimeout is how long a client may take to accept one write before the
	// server closes its connection with [TransportError]. A large message or polling
	// response takes many writes. Default 20 s.
	WriteTimeout time.Duration
	// RequestTimeout is how long a client may take to send the body of a polling
	// request, or each 64 KiB of a larger body. Default 30 s.
	RequestTimeout time.Duration
	// MaxHandshakes is the maximum number of concurrent handshakes. The server
	// answers further ones with 503. Default 4096.
	MaxHandshakes int
	// MaxHeaderBytes bounds, in bytes, the request target and header lines that a
	// connection keeps of the request that opens it, see [Conn.Handshake]. The server
	// answers a larger handshake with 431. The minimum is 256; the default is 16 KiB,
	// the limit of Node.js.
	MaxHeaderBytes int

	// Logger receives the log records. Protocol traffic and refused requests are
	// logged at debug level. Refusals that an operator should know of are logged
	// above that level, once or at most once a minute: as warnings, pages of other
	// origins, connections that cannot be hijacked, and connections closed because of
	// a full outbox; at info level, clients of an old revision, messages over
	// MaxPayload and headers over MaxHeaderBytes. Default: slog.Default().
	Logger *slog.Logger

	streams []Transport // transports that serveStream accepts
}

// PerMessageDeflate configures the compression of WebSocket messages (RFC 7692).
// Messages are compressed independently of each other (no context takeover), so a
// broadcast is compressed once and a connection keeps no compression state.
type PerMessageDeflate struct {
	// Threshold is the size in bytes from which messages are compressed.
	// Default 1024.
	Threshold int
}

// SessionCookie returns a template for the cookie "io=<session ID>; Path=/; HttpOnly;
// SameSite=Lax".
func SessionCookie() *http.Cookie {
	return &http.Cookie{Name: "io", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// An OptionError is returned by constructors for a value that is out of range.
type OptionError struct {
	Field  string // the name of the option
	Value  any    // its value
	Reason string // why the value is invalid
}

// Error returns the name of the option, its value and the reason.
func (e *OptionError) Error() string {
	switch e.Field {
	case "url":
		return fmt.Sprintf("engine: URL %q: %s", e.Value, e.Reason)
	case "namespace":
		return fmt.Sprintf("engine: namespace %q: %s", e.Value, e.Reason)
	}
	return fmt.Sprintf("engine: option %s is %v: %s", e.Field, e.Value, e.Reason)
}

// withDefaults returns a copy of o in which every field has its effective value.
func (o *ServerOptions) withDefaults() (*ServerOptions, error) {
	var c ServerOptions
	if o != nil {
		c = *o
	}
	if err := firstError(
		orTime("PingInterval", &c.PingInterval, DefaultPingInterval),
		orTime("PingTimeout", &c.PingTimeout, DefaultPingTimeout),
		orTime("UpgradeTimeout", &c.UpgradeTimeout, DefaultUpgradeTimeout),
		orTime("WriteTimeout", &c.WriteTimeout, DefaultWriteTimeout),
		orTime("RequestTimeout", &c.RequestTimeout, DefaultRequestTimeout),
		withThreshold(&c.PerMessageDeflate),
		orDefault("MaxPayload", &c.MaxPayload, DefaultMaxPayload),
		orDefault("HTTPCompressionThreshold", &c.HTTPCompressionThreshold, DefaultCompressionThreshold),
		orDefault("OutboxBytes", &c.OutboxBytes, DefaultOutboxBytes),
		orDefault("OutboxMessages", &c.OutboxMessages, DefaultOutboxMessages),
		orDefault("TotalBytes", &c.TotalBytes, defaultTotalBytes()),
		orDefault("MaxHandshakes", &c.MaxHandshakes, DefaultMaxHandshakes),
		orDefault("MaxPollPackets", &c.MaxPollPackets, DefaultMaxPollPackets),
		orDefault("MaxHeaderBytes", &c.MaxHeaderBytes, DefaultMaxHeaderBytes),
		c.Overflow.check(),
		withTransports(&c.Transports, c.streams),
	); err != nil {
		return nil, err
	}
	if c.MaxHeaderBytes < minHeaderBytes {
		return nil, &OptionError{"MaxHeaderBytes", c.MaxHeaderBytes, fmt.Sprintf("must be at least %d, or no handshake is accepted", minHeaderBytes)}
	}
	if c.Cookie != nil {
		cookie, err := cookieTemplate(*c.Cookie)
		if err != nil {
			return nil, err
		}
		c.Cookie = cookie
	}
	if c.CORS != nil {
		cors, err := c.CORS.validated()
		if err != nil {
			return nil, err
		}
		c.CORS = cors
	}
	if c.OnConnect == nil {
		c.OnConnect = func(*Conn) Handler { return nil }
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &c, nil
}

// cookieTemplate checks an option and returns the template that the server uses.
func cookieTemplate(cookie http.Cookie) (*http.Cookie, error) {
	if cookie.Name == "" {
		return nil, &OptionError{"Cookie.Name", strconv.Quote(cookie.Name), "must not be empty; SessionCookie returns the usual template"}
	}
	if cookie.Path == "" {
		cookie.Path = "/"
	}
	cookie.Value = "x"
	if err := cookie.Valid(); err != nil {
		return nil, &OptionError{"Cookie", fmt.Sprintf("%q", []string{cookie.Name, cookie.Path, cookie.Domain}), err.Error()}
	}
	return &cookie, nil
}
