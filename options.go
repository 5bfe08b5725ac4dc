package socketio

import (
	"cmp"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// Defaults of [Options].
const (
	DefaultConnectTimeout = 45 * time.Second
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
	// Engine configures the connections below: transports, heartbeat, payload
	// limits, CORS, cookies, compression, the outbox and what happens when a
	// client does not read it. Its OnConnect belongs to the Server and must be
	// nil.
	Engine engine.ServerOptions

	// ConnectTimeout is how long a client may take to join a first namespace
	// before its connection is closed. Default 45 s.
	ConnectTimeout time.Duration
	// Codec is the packet format; clients must use the same. Default
	// [parser.JSON].
	Codec parser.Codec
	// Adapter makes the adapter of a namespace, which manages its rooms. Default:
	// [adapter.NewMemory].
	Adapter func(h adapter.Host) adapter.Adapter
	// Recovery, if set, lets clients that come back soon after they lost their
	// connection go on where they were; see [Socket.Recovered]. It makes
	// [adapter.NewRecovery] the default adapter.
	Recovery *Recovery

	// ServeClient, if set, is a folder with the JavaScript client, such as
	// os.DirFS("node_modules/socket.io-client/dist"), from which the server serves
	// socket.io.js and the other builds, and nothing else, below the path at which
	// it is mounted. At least one of the builds must be there. Default: requests for
	// them are answered 404.
	ServeClient fs.FS

	// CleanupEmptyChildNamespaces lets the children of a [ParentNamespace] cease
	// to exist when their last socket has left, and with them the sessions of
	// clients that may have come back.
	CleanupEmptyChildNamespaces bool
	// MaxDynamicNamespaces is the number of namespaces that clients may bring
	// about by asking for them, see [Server.OfFunc]. A further one takes the place of
	// the one that has been without a socket for longest, which ceases to exist as with
	// CleanupEmptyChildNamespaces. If all have sockets, the client is not refused, since
	// clients take that as final: its request waits for room, first come, first served,
	// until the client leaves or its connection ends. Default 10,000.
	MaxDynamicNamespaces int
	// MaxNamespaceName is the length in bytes of the longest name of a namespace that
	// a client may bring about; a longer one is refused with a connect_error, and the
	// parents are not asked. Default 1024.
	MaxNamespaceName int

	// Limits bound what the packets of a client may look like: attachments,
	// nesting, event names, the number of arguments. A client that exceeds them is disconnected.
	// MaxAttachments also bounds what Emit sends.
	Limits parser.Limits
	// MaxNamespaces is the number of namespaces that a client may be in, or ask for,
	// over one connection; a further one is refused with a connect_error. A namespace
	// that the client has left counts until its handlers have returned: a request that
	// exceeds the limit only because of that waits for them. Default 64.
	MaxNamespaces int
	// MaxPendingAcks is the number of acknowledgements that may be awaited from
	// one socket at once; more make EmitWithAck return a [*LimitError]. Default
	// 1024.
	MaxPendingAcks int
	// MaxRooms is the number of rooms that a socket may be in besides its own;
	// more make Join return a [*LimitError]. Default 4096.
	MaxRooms int
	// InboxEvents is the number of events of a socket that may wait for its handlers.
	// When they are as many, nothing more is read from the client until there is room.
	// Default 1024.
	InboxEvents int
	// InboxBytes bounds the memory that a connection holds of what its client has sent,
	// over all namespaces: the events that wait for handlers or are being handled, with
	// all that they consist of, and auth. When it is reached, nothing more is read from
	// the client until there is room, and a namespace whose auth does not fit is refused
	// with a connect_error. The largest of the events that are being handled does not
	// count, nor do the values that handlers decode, and a single larger event may wait
	// alone. Default 4 MiB.
	InboxBytes int

	// Hooks, if set, observe what the server does.
	Hooks *Hooks
	// OnError is told of errors that have no caller to go to. s is nil for those of
	// handlers of server events. They are: arguments that do
	// not fit a handler ([*EventError] with an [*ArgError]), errors that handlers
	// return and their panics. Default: they are logged.
	OnError func(s *Socket, err error)
	// Logger receives what is worth knowing, protocol chatter at debug level. Its
	// records have an attribute "scope": "socket.io" or "engine". Default:
	// Engine.Logger, then, if the environment variable DEBUG is set, standard
	// error by way of [DebugHandler], then slog.Default(). What a record quotes of a
	// client is cut, so that no client decides how much is written.
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
	if c.Recovery != nil {
		if err := checkDuration("Recovery.MaxDisconnection", c.Recovery.MaxDisconnection); err != nil {
			return nil, err
		}
	}
	if c.ServeClient != nil {
		if err := checkClientFiles(c.ServeClient); err != nil {
			return nil, err
		}
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = DefaultConnectTimeout
	}
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
		c.Adapter = func(h adapter.Host) adapter.Adapter { return adapter.NewMemory(h) }
	}
	if c.Logger == nil {
		c.Logger = c.Engine.Logger
	}
	if c.Logger == nil {
		c.Logger = defaultLogger()
	}
	if c.Engine.Logger == nil {
		c.Engine.Logger = c.Logger
	}
	// They bound what is held back for a client that is about to be connected, too.
	c.Engine.OutboxBytes = cmp.Or(c.Engine.OutboxBytes, engine.DefaultOutboxBytes)
	c.Engine.OutboxMessages = cmp.Or(c.Engine.OutboxMessages, engine.DefaultOutboxMessages)
	c.Engine.Logger = c.Engine.Logger.With(scopeKey, "engine")
	c.Logger = c.Logger.With(scopeKey, "socket.io")
	return &c, nil
}

// checkDuration returns an error for a duration that cannot be meant.
func checkDuration(field string, d time.Duration) error {
	switch {
	case d < 0:
		return &engine.OptionError{Field: field, Value: d, Reason: "must not be negative"}
	case d > 0 && d < time.Millisecond:
		return &engine.OptionError{Field: field, Value: d, Reason: fmt.Sprintf("must be at least 1ms; a plain number counts nanoseconds, write %[1]d * time.Second or %[1]d * time.Millisecond", int64(d))}
	}
	return nil
}

// Recovery configures connection state recovery (Socket.IO protocol v5). Zero
// values mean the defaults.
//
// A client may come back before the server has noticed that its old connection is
// dead. The old socket, which has the same ID, ends then with [TransportClose], and
// its OnDisconnect handlers may still run when OnConnect is called for the new one.
type Recovery struct {
	// MaxDisconnection is how long a client may stay away. Default 2 minutes.
	MaxDisconnection time.Duration
	// RunMiddleware makes a client that comes back pass the middleware again. By
	// default it does not: it was let in before.
	RunMiddleware bool
	// MaxBytes bounds the packets that a namespace keeps for clients that may come
	// back; the oldest go first. Default 64 MiB.
	MaxBytes int
	// MaxSessions bounds the sessions of absent clients that a namespace keeps;
	// the oldest go first. Default 100,000.
	MaxSessions int
}

// recovery checks the options of the recovery and sets its adapter up.
func (c *Options) recovery() error {
	r := *c.Recovery
	c.Recovery = &r
	if r.MaxDisconnection < 0 || r.MaxBytes < 0 || r.MaxSessions < 0 {
		return &engine.OptionError{Field: "Recovery", Value: r, Reason: "must not be negative"}
	}
	heartbeat := c.Engine.PingInterval + c.Engine.PingTimeout
	if c.Engine.PingInterval == 0 {
		heartbeat += engine.DefaultPingInterval
	}
	if c.Engine.PingTimeout == 0 {
		heartbeat += engine.DefaultPingTimeout
	}
	if c.Adapter == nil {
		c.Adapter = func(h adapter.Host) adapter.Adapter {
			return adapter.NewRecovery(h, adapter.RecoveryOptions{
				MaxDisconnection: r.MaxDisconnection,
				Heartbeat:        heartbeat,
				MaxBytes:         r.MaxBytes,
				MaxSessions:      r.MaxSessions,
				MaxRooms:         c.MaxRooms,
			})
		}
	}
	return nil
}
