package socketio

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/clientfiles"
	"github.com/seed96b07ef8/socketio/internal/dispatch"
	"github.com/seed96b07ef8/socketio/internal/errtext"
)

// A Server accepts Socket.IO connections. It is an [http.Handler]: mount it at the path
// that clients request, usually "/socket.io/". It starts no listener of its own.
//
// The server embeds its main namespace, "/": io.On is io.Of("/").On. Most methods, such
// as [Namespace.Sockets], Emit, To, Use, On and OnConnect, are therefore documented at
// [Namespace].
//
// All methods are safe for concurrent use. Register handlers and middleware before the
// first client connects: a registration does not apply to what happened before it.
type Server struct {
	*Namespace

	opts    *Options
	engine  *engine.Server
	node    adapter.NodeID
	files   *clientfiles.Files // nil: the JavaScript client is not served
	readers dispatch.Readers[workspace]
	workers dispatch.Workers[workspace]

	unanswered    unanswered
	newNamespaces hooks[func(*Namespace)]
	onShutdown    hooks[func()]
	watchOutgoing atomic.Bool   // a function for outgoing events was registered
	nextOrder     atomic.Uint64 // of registrations
	draining      atomic.Bool   // set with closed: no more events are taken
	closeProvider sync.Once     // that of the adapters

	mu         sync.RWMutex // guards what follows; no other lock is taken under it
	namespaces map[string]*Namespace
	parents    []*ParentNamespace
	dynamic    int       // namespaces that clients have brought about
	empty      list.List // those of them without users, the one that has been so for longest first
	line       list.List // requests that wait for room for another, oldest first
	fullAt     time.Time // when it was logged last that there is no room for another
	closed     bool
}

// NewServer returns a Server. It copies the options; nil means all defaults. It panics
// if an option is out of range, as regexp.MustCompile does, so that servers with fixed
// options need no error handling; use [New] for options from elsewhere, such as a
// configuration file, and for a cluster, which may not be reachable.
func NewServer(opts *Options) *Server {
	s, err := New(opts)
	if err != nil {
		panic(err)
	}
	return s
}

// New is like [NewServer], but if an option is out of range it returns an
// [*engine.OptionError], which names the field and the value. If [Options.Adapter] cannot
// be started, it returns that error. After an error nothing needs to be closed.
func New(opts *Options) (*Server, error) {
	s, err := newServer(opts)
	return s, errtext.Prefix("socketio", err)
}

func newServer(opts *Options) (*Server, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, node: adapter.NewNodeID(), namespaces: make(map[string]*Namespace)}
	if o.ServeClient != nil {
		s.files = clientfiles.New(o.ServeClient, o.Logger)
	}
	o.Engine.OnConnect = s.accept
	if s.engine, err = engine.NewServer(&o.Engine); err != nil {
		return nil, inEngine(err)
	}
	if err := s.startProvider(); err != nil {
		return nil, err
	}
	return s, nil
}

// startProvider starts the provider of the adapters and makes the main namespace. After an
// error, or a panic, the provider is closed.
func (s *Server) startProvider() (err error) {
	s.Namespace, _ = s.keep("/")
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.StartTimeout)
	defer cancel()
	node := adapter.Node{ID: s.node, Logger: s.opts.Logger, Report: s.reportLink}
	if err := s.opts.Adapter.Start(ctx, node); err != nil {
		return fmt.Errorf("Adapter: %w", err)
	}
	usable := false
	defer func() {
		if !usable {
			_ = s.opts.Adapter.Close(ctx) // there is an error already
		}
	}()
	if err := s.begin(s.Namespace); err != nil {
		return err
	}
	if _, ok := s.adapter.(adapter.Recoverer); s.opts.Recovery != nil && !ok {
		_ = s.Namespace.close()
		return &engine.OptionError{
			Field: "Recovery", Value: *s.opts.Recovery, Reason: "the Adapter of the options cannot restore sockets",
		}
	}
	usable = true
	return nil
}

// reportLink passes a change of the connection to other nodes to the observers.
func (s *Server) reportLink(e adapter.LinkEvent) {
	if f := s.opts.Hooks.Link; f != nil {
		_ = s.protect("", "", func() error { f(e); return nil }) // which logs a panic
	}
}

// inEngine prefixes the field of an option error with the path of the field in
// [Options].
func inEngine(err error) error {
	wrong, ok := errors.AsType[*engine.OptionError](err)
	if !ok {
		return err
	}
	named := *wrong
	named.Field = "Engine." + named.Field
	return &named
}

// ServeHTTP serves the requests of Socket.IO clients.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !clientfiles.AsksFor(r) {
		s.engine.ServeHTTP(w, r)
		return
	}
	cors := s.opts.Engine.CORS
	switch {
	case cors != nil && cors.Handle(w, r):
	case s.files == nil:
		http.Error(w, "This server does not have the JavaScript client: set socketio.Options.ServeClient to the folder that has it.", http.StatusNotFound)
	default:
		s.files.Serve(w, r)
	}
}

// accept is called by the engine for each new connection.
func (s *Server) accept(e *engine.Conn) engine.Handler {
	c := &conn{server: s, engine: e, decoder: s.opts.Codec.NewDecoder(s.opts.Limits)}
	c.timer = time.AfterFunc(s.opts.ConnectTimeout, func() {
		s.opts.Logger.Debug("socketio: no namespace joined in time", "sid", e.ID())
		c.engine.Close()
	})
	if c.legacy() {
		c.welcomeLegacy()
	}
	return c
}

// Engine returns the server of the Engine.IO connections.
func (s *Server) Engine() *engine.Server { return s.engine }
