package client

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// Defaults of [Options].
const (
	DefaultPath                = "/socket.io/"
	DefaultReconnectDelay      = time.Second
	DefaultReconnectDelayMax   = 5 * time.Second
	DefaultRandomizationFactor = 0.5
	DefaultConnectTimeout      = 20 * time.Second
	DefaultRetryTimeout        = 10 * time.Second
	DefaultBufferMessages      = 1024
	DefaultBufferBytes         = 4 << 20
	DefaultMaxPendingAcks      = 1024
	DefaultInboxEvents         = 1024
	DefaultInboxBytes          = 4 << 20
)

// Overflow is the policy for a message that exceeds the buffer of those that wait for
// the connection.
type Overflow int

const (
	// Refuse discards the message, and Emit returns a [*LimitError]. It is the
	// default.
	Refuse Overflow = iota
	// DropOldest discards the messages that have waited longest. Calls that wait for
	// the acknowledgement of one return a [*LimitError].
	DropOldest
	// DropNewest discards the message without an error, unless it asks for an
	// acknowledgement.
	DropNewest
)

// Options configure a [Manager] and its sockets. The zero value of each field
// means its default; a nil *Options is all defaults. Options are read when the
// Manager is made; what is changed later has no effect. What Auth and Engine.TLSConfig refer
// to must not be modified while the Manager is used.
//
// The pointer counts, too: [New] lets sockets share a connection if they were
// made with the same one.
//
// A duration that is neither zero nor at least a millisecond is refused: it is a plain
// number that was meant to be milliseconds.
type Options struct {
	// Engine configures the connection: transports, headers, cookies, TLS, proxy,
	// how to dial. Its Query is sent along with that of the URL, which it
	// overrides.
	Engine engine.DialOptions
	// Path is where the server is mounted; the path of the URL is the namespace.
	// Default "/socket.io/". A trailing slash is added, see ExactPath.
	Path string
	// ExactPath sends Path as it is given, percent-encoding included, with or without
	// a trailing slash, for proxies and servers that insist. It must start with a
	// slash, and may be "/". Default false.
	ExactPath bool
	// ForceNew keeps [New] from sharing the connection of another socket.
	ForceNew bool

	// NoReconnect turns reconnection off: when the connection is lost, sockets
	// stay disconnected until Connect or Open is called.
	NoReconnect bool
	// ReconnectAttempts bounds the consecutive attempts to open a connection; after the
	// last one the Manager gives up and the sockets become inactive. An attempt counts,
	// and makes the delay grow, until the server has admitted a socket; for a Manager
	// without an active socket, until the server has pinged. Default 0: no limit.
	ReconnectAttempts int
	// ReconnectDelay is the delay before the first attempt to reconnect; it doubles for
	// each further attempt. Default 1 s.
	ReconnectDelay time.Duration
	// ReconnectDelayMax bounds the delay. Default 5 s, or ReconnectDelay if that is
	// longer.
	ReconnectDelayMax time.Duration
	// RandomizationFactor, from 0 to 1, is the part of the delay by which it is
	// randomly shortened or lengthened, up to ReconnectDelayMax. Default 0.5. A
	// negative value means no randomization.
	RandomizationFactor float64
	// ConnectTimeout bounds the time in which one attempt opens the connection, and
	// again the time until the server admits the first socket. Default 20 s.
	ConnectTimeout time.Duration

	// Codec is the packet format; the server must use the same. Default
	// [parser.JSON].
	Codec parser.Codec
	// Limits bound what the packets of the server may look like: attachments,
	// nesting, event names, the number of arguments. When they are exceeded the
	// connection is closed with [ParseError]. The defaults are those of
	// [parser.Limits] for attachments, and twice those for the rest: a server may
	// pass on what one of its clients has sent, with something around it.
	Limits parser.Limits

	// Auth is sent with each request to join a namespace: a value that is encoded
	// as an object, such as a struct or a map, or a
	// func(ctx context.Context) (any, error) that is asked for one at each
	// connect and reconnect. ctx ends with the attempt, after ConnectTimeout at the
	// latest, whether the function returns then or not. The function, and methods
	// that encode the value, may block, which holds up nothing but their socket, and
	// are called once at a time; an error
	// is a failure to connect, with an [*AuthError], and the function is asked again
	// after the delay of a reconnection. Credentials that exceed the server's maxPayload
	// are an [*AuthError], too, after which the socket is not active. Default: nothing
	// is sent.
	Auth any
	// AckTimeout bounds the wait of EmitWithAck for the server, in addition to its
	// context; the time without a connection counts. Default: the bound of the context
	// only; with Retries, 10 s.
	AckTimeout time.Duration
	// Retries, if not 0, makes the socket send each event, except volatile ones, until
	// the server has acknowledged it. Events wait in a queue, one in flight at a time;
	// the first is sent again after AckTimeout and after a reconnection, up to Retries
	// times. The server must acknowledge every event, and may receive one twice.
	Retries int

	// BufferMessages and BufferBytes bound what each socket keeps while it is not
	// connected, and what waits with Retries. Defaults: 1024 messages and 4 MiB.
	BufferMessages, BufferBytes int
	// Overflow says what happens when they are exceeded. Default: Refuse.
	Overflow Overflow
	// MaxPendingAcks is the number of acknowledgements that a socket may await at
	// once; more make EmitWithAck return a [*LimitError]. Default 1024.
	MaxPendingAcks int
	// InboxEvents and InboxBytes bound the events of a socket that wait for its
	// handlers: their number, and the memory that they hold, whatever they look like
	// on the wire. When they are reached, nothing more is read from the connection
	// until there is room, heartbeats included. Defaults: 1024 events and 4 MiB.
	InboxEvents, InboxBytes int

	// HandlerMiddleware surrounds the handlers of all sockets, the first the outermost,
	// outside of that of [Socket.UseHandler]. It is for what concerns every event, such as
	// tracing.
	HandlerMiddleware []HandlerMiddleware

	// Logger receives what is worth knowing, protocol chatter at debug level.
	// Default: Engine.Logger, then slog.Default().
	Logger *slog.Logger
}

// SocketOptions configure one socket of a [Manager]. The zero value of each field
// stands for what the Manager's Options say.
type SocketOptions struct {
	// Auth, AckTimeout and Retries are as in [Options].
	Auth       any
	AckTimeout time.Duration
	Retries    int
}

// withDefaults returns a copy of o in which every field has its effective value.
func (o *Options) withDefaults() (*Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	c.Engine = ownCopy(c.Engine)
	for _, f := range []struct {
		name string
		p    *time.Duration
		def  time.Duration
	}{
		{"ReconnectDelay", &c.ReconnectDelay, DefaultReconnectDelay},
		{"ConnectTimeout", &c.ConnectTimeout, DefaultConnectTimeout},
		{"ReconnectDelayMax", &c.ReconnectDelayMax, max(DefaultReconnectDelayMax, c.ReconnectDelay)},
		{"AckTimeout", &c.AckTimeout, 0},
	} {
		if err := checkDuration(f.name, *f.p); err != nil {
			return nil, err
		}
		if *f.p == 0 {
			*f.p = f.def
		}
	}
	peers := parser.Limits{}.WithDefaults() // what a server accepts of each of its clients
	for _, f := range []struct {
		name string
		p    *int
		def  int
	}{
		{"ReconnectAttempts", &c.ReconnectAttempts, 0},
		{"Retries", &c.Retries, 0},
		{"Limits.MaxAttachments", &c.Limits.MaxAttachments, peers.MaxAttachments},
		{"Limits.MaxDepth", &c.Limits.MaxDepth, 2 * peers.MaxDepth},
		{"Limits.MaxEventName", &c.Limits.MaxEventName, 2 * peers.MaxEventName},
		{"Limits.MaxArguments", &c.Limits.MaxArguments, 2 * peers.MaxArguments},
		{"BufferMessages", &c.BufferMessages, DefaultBufferMessages},
		{"BufferBytes", &c.BufferBytes, DefaultBufferBytes},
		{"MaxPendingAcks", &c.MaxPendingAcks, DefaultMaxPendingAcks},
		{"InboxEvents", &c.InboxEvents, DefaultInboxEvents},
		{"InboxBytes", &c.InboxBytes, DefaultInboxBytes},
	} {
		if *f.p < 0 {
			return nil, &OptionError{Field: f.name, Value: *f.p, Reason: "must not be negative"}
		}
		if *f.p == 0 {
			*f.p = f.def
		}
	}
	for i, m := range c.HandlerMiddleware {
		if m == nil {
			return nil, &OptionError{Field: fmt.Sprintf("HandlerMiddleware[%d]", i), Value: nil, Reason: "must be a function"}
		}
	}
	c.HandlerMiddleware = slices.Clone(c.HandlerMiddleware)
	if c.ReconnectDelayMax < c.ReconnectDelay {
		return nil, &OptionError{Field: "ReconnectDelayMax", Value: c.ReconnectDelayMax, Reason: "is less than ReconnectDelay"}
	}
	switch f := c.RandomizationFactor; {
	case f > 1 || f != f:
		return nil, &OptionError{Field: "RandomizationFactor", Value: f, Reason: "must not be more than 1"}
	case f == 0:
		c.RandomizationFactor = DefaultRandomizationFactor
	case f < 0:
		c.RandomizationFactor = 0
	}
	if c.Overflow < Refuse || c.Overflow > DropNewest {
		return nil, &OptionError{Field: "Overflow", Value: c.Overflow, Reason: "is none of the policies"}
	}
	if err := checkAuth(c.Auth); err != nil {
		return nil, err
	}
	if c.ExactPath {
		if err := checkExactPath(c.Path); err != nil {
			return nil, err
		}
		c.Engine.ExactPath = true
	} else {
		c.Path = cleanPath(c.Path)
	}
	if c.Codec == nil {
		c.Codec = parser.JSON
	}
	if c.Logger == nil {
		c.Logger = c.Engine.Logger
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Engine.ConnectTimeout == 0 {
		c.Engine.ConnectTimeout = c.ConnectTimeout
		if c.Engine.TryAllTransports {
			// One that hangs must leave time for the others.
			c.Engine.ConnectTimeout /= time.Duration(max(2, len(c.Engine.Transports)))
		}
	}
	if c.Engine.Logger == nil {
		c.Engine.Logger = c.Logger
	}
	return &c, nil
}

// ownCopy returns o with maps and slices of its own: a Manager reads them at each attempt to
// connect, on another goroutine than the one that may change them.
func ownCopy(o engine.DialOptions) engine.DialOptions {
	o.Header = o.Header.Clone()
	o.Query = url.Values(http.Header(o.Query).Clone())
	o.Transports = slices.Clone(o.Transports)
	o.Subprotocols = slices.Clone(o.Subprotocols)
	if o.PerMessageDeflate != nil {
		deflate := *o.PerMessageDeflate
		o.PerMessageDeflate = &deflate
	}
	return o
}

// checkDuration refuses a duration that cannot be meant.
func checkDuration(field string, d time.Duration) error {
	switch {
	case d < 0:
		return &OptionError{Field: field, Value: d, Reason: "must not be negative"}
	case d > 0 && d < time.Millisecond:
		return &OptionError{Field: field, Value: d, Reason: fmt.Sprintf("must be at least 1ms; a plain number counts nanoseconds, write %[1]d * time.Second or %[1]d * time.Millisecond", int64(d))}
	}
	return nil
}

// checkExactPath refuses what cannot be the path of a request.
func checkExactPath(path string) error {
	u, err := url.ParseRequestURI(path)
	if err != nil || path[0] != '/' || u.EscapedPath() != path {
		return &OptionError{Field: "Path", Value: path, Reason: "with ExactPath, it must be a path as it is in a URL, from the slash on"}
	}
	return nil
}

// cleanPath returns a path as it is requested.
func cleanPath(path string) string {
	if path == "" {
		return DefaultPath
	}
	return "/" + strings.Trim(path, "/") + "/"
}

// withQuery returns the options of the connection, with the query of the URL.
func (o *Options) withQuery(query url.Values) *engine.DialOptions {
	e := o.Engine
	if len(query) > 0 {
		all := maps.Clone(query)
		maps.Copy(all, e.Query)
		e.Query = all
	}
	return &e
}

// outbox returns how many messages and bytes the connection lets wait.
func (o *Options) outbox() (messages, bytes int) {
	return cmp.Or(o.Engine.OutboxMessages, engine.DefaultOutboxMessages), cmp.Or(o.Engine.OutboxBytes, engine.DefaultOutboxBytes)
}

// forSocket returns the options of a socket.
func (o *Options) forSocket(s *SocketOptions) (SocketOptions, error) {
	c := SocketOptions{}
	if s != nil {
		c = *s
	}
	if err := checkDuration("AckTimeout", c.AckTimeout); err != nil {
		return c, err
	}
	if c.Retries < 0 {
		return c, &OptionError{Field: "Retries", Value: c.Retries, Reason: "must not be negative"}
	}
	if err := checkAuth(c.Auth); err != nil {
		return c, err
	}
	if c.Auth == nil {
		c.Auth = o.Auth
	}
	if c.AckTimeout == 0 {
		c.AckTimeout = o.AckTimeout
	}
	if c.Retries == 0 {
		c.Retries = o.Retries
	}
	if c.Retries > 0 && c.AckTimeout == 0 {
		c.AckTimeout = DefaultRetryTimeout
	}
	return c, nil
}

// authFunc is the form of Options.Auth that is asked at each connect.
type authFunc = func(ctx context.Context) (any, error)
