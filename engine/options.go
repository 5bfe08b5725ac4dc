package engine

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
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

// Defaults of [ServerOptions]. Those that the protocol's reference server has,
// too, are the same there.
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

// minHeaderBytes is less than the headers of any client: those that a handshake over
// WebSocket needs have as much.
const minHeaderBytes = 256

// Overflow says what happens to a message for which a connection's outbox has
// no room, because the peer does not read as fast as it is written to.
type Overflow int

const (
	// Disconnect closes the connection with [TransportError] and
	// [ErrOutboxFull]. It is the default of servers: a client that loses messages
	// without being told is worse off than one that reconnects.
	Disconnect Overflow = iota
	// DropOldest discards waiting messages, the oldest first.
	DropOldest
	// DropNewest discards the message.
	DropNewest
	// Refuse discards the message and Send returns [ErrOutboxFull].
	Refuse
)

// String returns the policy's name.
func (o Overflow) String() string {
	switch o {
	case Disconnect:
		return "Disconnect"
	case DropOldest:
		return "DropOldest"
	case DropNewest:
		return "DropNewest"
	case Refuse:
		return "Refuse"
	}
	return "Overflow(" + strconv.Itoa(int(o)) + ")"
}

// ServerOptions configure a [Server]. The zero value of each field means its
// default; a nil *ServerOptions is all defaults.
type ServerOptions struct {
	// OnConnect is called for each new connection, before any of its messages
	// and before the client has its answer. The Handler that it returns receives
	// the connection's messages and its end; nil discards them. Calls for
	// different connections run concurrently.
	OnConnect func(c *Conn) Handler
	// Context returns the context of a connection, see [Conn.Context]; r is the
	// request that opens it. It is how values that HTTP middleware has put into
	// the request's context outlive the request. It must not keep r. Default:
	// context.Background().
	Context func(r *http.Request) context.Context

	// PingInterval is how long after the last answer the next ping is sent.
	// Default 25 s. Clients of revision 3 are told to ping in this interval.
	PingInterval time.Duration
	// PingTimeout is how long the client may take to answer a ping, or a client of
	// revision 3 may be late with one. Default 20 s. As long as anything arrives from the
	// client, or it takes a message that was sent before the ping, the time begins anew.
	PingTimeout time.Duration
	// UpgradeTimeout is how long a client may take to complete an upgrade.
	// Default 10 s. The session stays on its old transport when it runs out.
	UpgradeTimeout time.Duration
	// MaxPayload is the size in bytes of the largest message, or polling
	// request, that is accepted; clients are told. Default 1,000,000. Larger
	// requests are answered 413, larger WebSocket messages close the connection
	// with code 1009 and [TransportError].
	MaxPayload int

	// Transports are those that clients may use. Default: Polling and WebSocket.
	Transports []Transport
	// AllowEIO3 accepts clients of revision 3 of the protocol, which is that of
	// Socket.IO 2, next to those of revision 4, and with it JSONP over polling: see
	// the package documentation for what that means for security. Default false:
	// they are refused with [CodeUnsupportedProtocol].
	AllowEIO3 bool
	// DisableUpgrades keeps the server from offering upgrades to polling clients,
	// and from accepting them.
	DisableUpgrades bool

	// AllowRequest decides on each handshake, over any transport; an error
	// refuses it with 403 and [CodeForbidden], and its text is what the client
	// is told. It is not called for the requests of an existing session.
	AllowRequest func(r *http.Request) error
	// CORS, if set, lets pages of the origins that it names connect, over any
	// transport. Requests of other origins than that of the request's Host are
	// refused with 403 and [CodeForbidden], on every transport; those without an
	// Origin header, which are of programs and of polling pages of the same origin,
	// pass. Default: no other origin.
	CORS *CORS
	// AllowAnyOrigin turns that check off: any page in a user's browser may open a
	// WebSocket then, and the browser adds the user's cookies. Do not set it where
	// cookies, or the user's network, authenticate. CORS headers are still sent for
	// the origins of CORS only. Default false.
	AllowAnyOrigin bool
	// Cookie, if set, is a template for a cookie that carries the session's ID,
	// for load balancers that route by cookie. It is set on the answer to a
	// polling handshake. It must have a Name; an empty Path means "/". Set HttpOnly
	// and SameSite as you see fit; [SessionCookie] returns the protocol's usual
	// choice.
	Cookie *http.Cookie
	// InitialHeaders may add to the headers of the answer to a handshake.
	InitialHeaders func(h http.Header, r *http.Request)
	// Headers may add to the headers of every answer: polling requests and
	// WebSocket handshakes.
	Headers func(h http.Header, r *http.Request)
	// OnConnectionError is told of each request that was refused.
	OnConnectionError func(err *RequestError)
	// InitialMessage, if not nil, is a text message that every new connection
	// receives together with the handshake.
	InitialMessage []byte
	// GenerateID replaces [NewID] as the source of session IDs. It must return
	// unique, unguessable IDs; anything but 20 characters breaks sticky load
	// balancers and cluster adapters. An error refuses the handshake with
	// [CodeBadRequest]; so does an ID that is empty, not valid UTF-8 or taken, with a
	// warning in the log.
	GenerateID func(r *http.Request) (string, error)

	// DisableHTTPCompression turns off gzip and deflate for polling answers.
	DisableHTTPCompression bool
	// HTTPCompressionThreshold is the size in bytes from which polling answers
	// are compressed. Default 1024.
	HTTPCompressionThreshold int
	// PerMessageDeflate, if set, compresses WebSocket messages for clients that
	// can take it. It costs CPU time and is off by default.
	PerMessageDeflate *PerMessageDeflate

	// OutboxBytes and OutboxMessages bound what waits for one connection; a single
	// larger message may wait alone. [Control] messages, which no policy drops, are
	// bounded by the same numbers, apart from the others; a client that makes the
	// server queue more of them loses its connection. Defaults: 8 MiB and 65536 messages.
	OutboxBytes, OutboxMessages int
	// Overflow says what happens to other messages when they are exceeded. Default:
	// Disconnect.
	Overflow Overflow
	// MaxPollPackets is how many packets an answer to a poll may have; the client
	// polls again for the others. Default 16: python-engineio, which is below
	// python-socketio, drops an answer with more, and with it the session. Clients of
	// other languages take any number; without Python's, a larger value makes bursts
	// over polling quicker.
	MaxPollPackets int
	// TotalBytes bounds the memory of what waits for all connections together, and of
	// what their handlers hold for clients, see [Conn.Hold]. When there is more, the
	// connections that hold most are closed with [TransportError] and [ErrServerFull],
	// until an eighth of it is free. A message that waits for many connections counts
	// once, and the first 64 KiB of each connection do not count, so that those which
	// keep up are not concerned; see [Server.Held] and [Server.Evicted]. Default: half
	// of the memory limit of the Go runtime (GOMEMLIMIT); without one, 1 GiB.
	TotalBytes int
	// WriteTimeout is how long the client may take to accept a write, of which a large
	// message or polling answer is many, before its connection is closed with
	// [TransportError]. Default 20 s.
	WriteTimeout time.Duration
	// RequestTimeout is how long the client may take to send the body of a polling
	// request, or 64 KiB of it if it is larger: a client that sends so much in time is
	// never cut off. Default 30 s.
	RequestTimeout time.Duration
	// MaxHandshakes is the number of handshakes that may be in progress at once;
	// more are answered 503. Default 4096.
	MaxHandshakes int
	// MaxHeaderBytes bounds what a connection keeps of the request that opens it,
	// see [Conn.Handshake]: the request target and the lines of the header, in bytes.
	// A larger handshake is answered 431. At least 256; default 16 KiB, which is also what
	// Node.js accepts.
	MaxHeaderBytes int

	// Logger receives what is worth knowing; protocol chatter and refused
	// requests at debug level. What operators have to know of refusals is logged
	// above that, once or once a minute at most: pages of other origins,
	// connections that cannot be hijacked, and those closed because of a full outbox as
	// warnings, clients of an old revision, messages over MaxPayload and headers over
	// MaxHeaderBytes at level info. Default: slog.Default().
	Logger *slog.Logger
}

// PerMessageDeflate configures the compression of WebSocket messages (RFC 7692).
// Messages are compressed independently of each other, so that a broadcast is
// compressed once and a connection keeps no compression state.
type PerMessageDeflate struct {
	// Threshold is the size in bytes from which messages are compressed.
	// Default 1024.
	Threshold int
}

// SessionCookie returns the template that gives "io=<session ID>; Path=/;
// HttpOnly; SameSite=Lax".
func SessionCookie() *http.Cookie {
	return &http.Cookie{Name: "io", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// An OptionError is returned by constructors for a value that is out of range.
type OptionError struct {
	Field  string // the field of the options
	Value  any    // what it is set to
	Reason string // what is wrong with that
}

// Error names the field, its value, and what is wrong.
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
	for _, f := range []struct {
		name string
		p    *time.Duration
		def  time.Duration
	}{
		{"PingInterval", &c.PingInterval, DefaultPingInterval},
		{"PingTimeout", &c.PingTimeout, DefaultPingTimeout},
		{"UpgradeTimeout", &c.UpgradeTimeout, DefaultUpgradeTimeout},
		{"WriteTimeout", &c.WriteTimeout, DefaultWriteTimeout},
		{"RequestTimeout", &c.RequestTimeout, DefaultRequestTimeout},
	} {
		if *f.p < 0 {
			return nil, &OptionError{f.name, *f.p, "must not be negative"}
		}
		// Clients count in whole milliseconds, and no network needs less.
		if *f.p > 0 && *f.p < time.Millisecond {
			return nil, &OptionError{f.name, *f.p, fmt.Sprintf("must be at least 1ms; a plain number counts nanoseconds, write %[1]d * time.Second or %[1]d * time.Millisecond", int64(*f.p))}
		}
		if *f.p == 0 {
			*f.p = f.def
		}
	}
	if c.PerMessageDeflate != nil {
		deflate := *c.PerMessageDeflate
		c.PerMessageDeflate = &deflate
		if deflate.Threshold < 0 {
			return nil, &OptionError{"PerMessageDeflate.Threshold", deflate.Threshold, "must not be negative"}
		}
		if deflate.Threshold == 0 {
			c.PerMessageDeflate.Threshold = DefaultCompressionThreshold
		}
	}
	for _, f := range []struct {
		name string
		p    *int
		def  int
	}{
		{"MaxPayload", &c.MaxPayload, DefaultMaxPayload},
		{"HTTPCompressionThreshold", &c.HTTPCompressionThreshold, DefaultCompressionThreshold},
		{"OutboxBytes", &c.OutboxBytes, DefaultOutboxBytes},
		{"OutboxMessages", &c.OutboxMessages, DefaultOutboxMessages},
		{"TotalBytes", &c.TotalBytes, defaultTotalBytes()},
		{"MaxHandshakes", &c.MaxHandshakes, DefaultMaxHandshakes},
		{"MaxPollPackets", &c.MaxPollPackets, DefaultMaxPollPackets},
		{"MaxHeaderBytes", &c.MaxHeaderBytes, DefaultMaxHeaderBytes},
	} {
		if *f.p < 0 {
			return nil, &OptionError{f.name, *f.p, "must not be negative"}
		}
		if *f.p == 0 {
			*f.p = f.def
		}
	}
	if c.MaxHeaderBytes < minHeaderBytes {
		return nil, &OptionError{"MaxHeaderBytes", c.MaxHeaderBytes, fmt.Sprintf("must be at least %d, or no handshake is accepted", minHeaderBytes)}
	}
	if c.Overflow < Disconnect || c.Overflow > Refuse {
		return nil, &OptionError{"Overflow", int(c.Overflow), "unknown policy"}
	}
	if c.Transports == nil {
		c.Transports = []Transport{Polling, WebSocket}
	}
	c.Transports = slices.Clone(c.Transports)
	if len(c.Transports) == 0 {
		return nil, &OptionError{"Transports", c.Transports, "at least one is needed"}
	}
	for _, t := range c.Transports {
		if t != Polling && t != WebSocket {
			return nil, &OptionError{"Transports", t, "unknown transport"}
		}
	}
	if c.Cookie != nil {
		cookie := *c.Cookie
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
		c.Cookie = &cookie
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
