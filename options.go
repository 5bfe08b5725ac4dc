package socketio

import (
	"cmp"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/clientfiles"
	"github.com/seed96b07ef8/socketio/internal/debuglog"
	"github.com/seed96b07ef8/socketio/parser"
)

// Defaults of [Options].
const (
	DefaultConnectTimeout = 45 * time.Second
	DefaultStartTimeout   = 5 * time.Second
	DefaultMaxNamespaces  = 64
	DefaultMaxPendingAcks = 1024
	DefaultMaxRooms       = 4096
	DefaultInboxEvents    = 1024
	DefaultInboxBytes     = 4 << 20

	DefaultMaxDynamicNamespaces = 10_000
	DefaultMaxNamespaceName     = 1024
)

// Options configure a [Server]. The zero value of each field means its default;
// a nil *Options is all defaults.
type Options struct {
	// Engine configures the Engine.IO connections: transports, heartbeat, payload
	// limits, CORS, cookies, compression, the outbox, and the policy for clients that
	// do not read it. The Server sets its OnConnect, which must be nil.
	Engine engine.ServerOptions

	// ConnectTimeout is how long a client may take to join a first namespace
	// before its connection is closed. Default 45 s.
	ConnectTimeout time.Duration
	// Codec is the packet format; clients must use the same. Default
	// [parser.JSON].
	Codec parser.Codec
	// Adapter makes the adapters of the namespaces, which manage their rooms and, in a
	// cluster, reach those of other nodes; [adapter.Func] makes one of a function. It must
	// be another one for each server. [New] starts it, and Shutdown closes it last. Default:
	// [adapter.NewMemory] for each namespace, or [adapter.NewRecovery] with Recovery.
	Adapter adapter.Provider
	// StartTimeout is how long New waits for the Adapter to connect to the other nodes of a
	// cluster. Default 5 s.
	StartTimeout time.Duration
	// Recovery, if set, lets clients that lost their connection resume their sessions
	// when they reconnect in time; see [Socket.Recovered]. It makes
	// [adapter.NewRecovery] the default adapter.
	Recovery *Recovery

	// ServeClient, if set, is a folder with the JavaScript client, such as
	// os.DirFS("node_modules/socket.io-client/dist"). The server serves socket.io.js
	// and the other builds from it, and no other files, below its own path. The folder
	// must have at least one of the builds. Default: requests for them are answered
	// 404.
	ServeClient fs.FS

	// CleanupEmptyChildNamespaces removes a child of a [ParentNamespace] when its last
	// socket has left, together with the sessions that clients could have recovered.
	CleanupEmptyChildNamespaces bool
	// MaxDynamicNamespaces bounds the namespaces that clients create by joining them,
	// see [Server.OfFunc]. A further one replaces the one that has been without a
	// socket for longest, which is removed as with CleanupEmptyChildNamespaces. If all
	// of them have sockets, the request waits until one is empty, first come, first
	// served, or until the client leaves or its connection ends. It is not refused,
	// because clients treat a CONNECT_ERROR as final. Default 10,000.
	MaxDynamicNamespaces int
	// MaxNamespaceName bounds the length in bytes of the name of a namespace that a
	// client creates. A request with a longer name is refused with a connect_error
	// before any parent is asked. Default 1024.
	MaxNamespaceName int

	// Limits bound the packets of a client: attachments, nesting, event names, the
	// number of arguments. A client that exceeds them is disconnected. MaxAttachments
	// also bounds what Emit sends.
	Limits parser.Limits
	// MaxNamespaces bounds the namespaces that a client may be in, or request, over one
	// connection; a further one is refused with a connect_error. A namespace that the
	// client has left counts until its handlers have returned, and a request that
	// exceeds the limit only for that reason waits for them. Default 64.
	MaxNamespaces int
	// MaxPendingAcks bounds the acknowledgements that one socket may be waiting for;
	// EmitWithAck returns a [*LimitError] beyond it. Default 1024.
	MaxPendingAcks int
	// MaxRooms bounds the rooms that a socket may be in, not counting its own; Join
	// returns a [*LimitError] beyond it. Default 4096.
	MaxRooms int
	// InboxEvents bounds the events of a socket that wait for its handlers. The server
	// stops reading from a client that reaches it, until there is room. Default 1024.
	InboxEvents int
	// InboxBytes bounds the memory in bytes that a connection holds of what its client
	// has sent, over all namespaces: auth, and the events that wait for handlers or are
	// being handled, with everything that they consist of. The server stops reading
	// from a client that reaches it, until there is room, and refuses a namespace whose
	// auth does not fit with a connect_error. If auth fits except for that of
	// namespaces that the client has left and whose handlers still run, the request
	// waits for these handlers, and counts. The largest of the events that are being
	// handled does not count, nor do the values that handlers decode, and a single
	// larger event may wait alone. Default 4 MiB.
	InboxBytes int

	// HandlerMiddleware surrounds the handlers of events in all namespaces, the first the
	// outermost, outside of that of [Namespace.UseHandler]. It is for what concerns every
	// event of the server, such as tracing. Default: none, which costs nothing.
	HandlerMiddleware []HandlerMiddleware
	// Hooks, if set, observe what the server does.
	Hooks *Hooks
	// OnError is called for errors that have no caller: arguments that do not fit a
	// handler ([*EventError] with an [*ArgError]), errors that handlers return, and
	// their panics. s is nil for handlers of server events. Default: they are logged.
	OnError func(s *Socket, err error)
	// Logger receives warnings and errors, and protocol details at debug level. Its
	// records have an attribute "scope": "socket.io" or "engine". Text that a client
	// chose is cut, so that no client decides how much is written. Default:
	// Engine.Logger, then, if the environment variable DEBUG is set, standard error by
	// way of [DebugHandler], then slog.Default().
	Logger *slog.Logger
}

func (o *Options) withDefaults() (*Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Engine.OnConnect != nil {
		return nil, &engine.OptionError{Field: "Engine.OnConnect", Value: "set", Reason: "it belongs to the Server; use OnConnect of the Server"}
	}
	if err := checkDuration("ConnectTimeout", c.ConnectTimeout); err != nil {
		return nil, err
	}
	if err := checkDuration("StartTimeout", c.StartTimeout); err != nil {
		return nil, err
	}
	if c.Recovery != nil {
		if err := checkDuration("Recovery.MaxDisconnection", c.Recovery.MaxDisconnection); err != nil {
			return nil, err
		}
	}
	if c.ServeClient != nil && !clientfiles.Has(c.ServeClient) {
		return nil, &engine.OptionError{
			Field: "ServeClient", Value: clientfiles.FolderName(c.ServeClient),
			Reason: "has no socket.io.js, nor another build of the client, such as node_modules/socket.io-client/dist has",
		}
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = DefaultConnectTimeout
	}
	c.StartTimeout = cmp.Or(c.StartTimeout, DefaultStartTimeout)
	if c.Limits.MaxAttachments == 0 {
		c.Limits.MaxAttachments = 10
	}
	for _, f := range []struct {
		name string
		p    *int
		def  int
	}{
		{"Limits.MaxAttachments", &c.Limits.MaxAttachments, 0},
		{"Limits.MaxDepth", &c.Limits.MaxDepth, 0},
		{"Limits.MaxEventName", &c.Limits.MaxEventName, 0},
		{"Limits.MaxArguments", &c.Limits.MaxArguments, 0},
		{"MaxNamespaces", &c.MaxNamespaces, DefaultMaxNamespaces},
		{"MaxDynamicNamespaces", &c.MaxDynamicNamespaces, DefaultMaxDynamicNamespaces},
		{"MaxNamespaceName", &c.MaxNamespaceName, DefaultMaxNamespaceName},
		{"MaxPendingAcks", &c.MaxPendingAcks, DefaultMaxPendingAcks},
		{"MaxRooms", &c.MaxRooms, DefaultMaxRooms},
		{"InboxEvents", &c.InboxEvents, DefaultInboxEvents},
		{"InboxBytes", &c.InboxBytes, DefaultInboxBytes},
	} {
		if *f.p < 0 {
			return nil, &engine.OptionError{Field: f.name, Value: *f.p, Reason: "must not be negative"}
		}
		if *f.p == 0 {
			*f.p = f.def
		}
	}
	for i, m := range c.HandlerMiddleware {
		if m == nil {
			return nil, &engine.OptionError{Field: fmt.Sprintf("HandlerMiddleware[%d]", i), Value: nil, Reason: "must be a function"}
		}
	}
	c.HandlerMiddleware = slices.Clone(c.HandlerMiddleware)
	if c.Hooks == nil {
		c.Hooks = new(Hooks)
	}
	if c.Codec == nil {
		c.Codec = parser.JSON
	}
	if c.Recovery != nil {
		if err := c.recovery(); err != nil {
			return nil, err
		}
	}
	if c.Adapter == nil {
		c.Adapter = adapter.Func(localAdapter)
	}
	if c.Logger == nil {
		c.Logger = c.Engine.Logger
	}
	if c.Logger == nil {
		c.Logger = debuglog.Default()
	}
	if c.Engine.Logger == nil {
		c.Engine.Logger = c.Logger
	}
	// They also bound the packets held until the CONNECT reply.
	c.Engine.OutboxBytes = cmp.Or(c.Engine.OutboxBytes, engine.DefaultOutboxBytes)
	c.Engine.OutboxMessages = cmp.Or(c.Engine.OutboxMessages, engine.DefaultOutboxMessages)
	c.Engine.Logger = c.Engine.Logger.With(debuglog.ScopeKey, "engine")
	c.Logger = c.Logger.With(debuglog.ScopeKey, "socket.io")
	return &c, nil
}

// checkDuration returns an error if d is negative, or so short that it is probably a
// number without a unit.
func checkDuration(field string, d time.Duration) error {
	switch {
	case d < 0:
		return &engine.OptionError{Field: field, Value: d, Reason: "must not be negative"}
	case d > 0 && d < time.Millisecond:
		return &engine.OptionError{Field: field, Value: d, Reason: fmt.Sprintf("must be at least 1ms; a plain number counts nanoseconds, write %[1]d * time.Second or %[1]d * time.Millisecond", int64(d))}
	}
	return nil
}
