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
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/errtext"
)

// A Server accepts Socket.IO connections. It is an [http.Handler], to be mounted
// where the clients look for it, usually under "/socket.io/"; it starts no
// listener of its own.
//
// The methods of its main namespace, "/", are also the server's: io.On is
// io.Of("/").On. So most of what a Server does is documented at [Namespace], such as
// [Namespace.Sockets], Emit, To, Use, On and OnConnect.
//
// All methods may be called concurrently. Handlers and middleware should be
// registered before the first client comes: they apply to what happens after
// their registration.
type Server struct {
	*Namespace

	opts    *Options
	engine  *engine.Server
	files   *clientFiles // nil: the JavaScript client is not served
	readers readers
	workers workers

	unanswered    unanswered
	newNamespaces hooks[func(*Namespace)]
	watchOutgoing atomic.Bool   // somebody has asked to see outgoing events
	nextOrder     atomic.Uint64 // of registrations

	mu         sync.RWMutex // guards what follows; no other lock is taken under it
	namespaces map[string]*Namespace
	parents    []*ParentNamespace
	dynamic    int       // namespaces that clients have brought about
	empty      list.List // those of them without users, the one that has been so for longest first
	line       list.List // requests that wait for room for another, oldest first
	fullAt     time.Time // when it was logged last that there is no room for another
	closed     bool
}

// NewServer returns a Server. The options are copied; nil means all defaults. It
// panics when an option is out of range, as regexp.MustCompile does, so that
// servers with fixed options need no error handling; use [New] where they come
// from elsewhere.
func NewServer(opts *Options) *Server {
	s, err := New(opts)
	if err != nil {
		panic(err)
	}
	return s
}

// New is like [NewServer] but returns an [*engine.OptionError], which names field
// and value, when an option is out of range.
func New(opts *Options) (*Server, error) {
	s, err := newServer(opts)
	return s, errtext.Prefix("socketio", err)
}

func newServer(opts *Options) (*Server, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, namespaces: make(map[string]*Namespace)}
	if o.ServeClient != nil {
		s.files = newClientFiles(o.ServeClient, o.Logger)
	}
	o.Engine.OnConnect = s.accept
	if s.engine, err = engine.NewServer(&o.Engine); err != nil {
		return nil, inEngine(err)
	}
	s.Namespace = s.Of("/")
	if _, ok := s.adapter.(adapter.Recoverer); o.Recovery != nil && !ok {
		return nil, &engine.OptionError{
			Field: "Recovery", Value: *o.Recovery, Reason: "the Adapter of the options cannot restore sockets",
		}
	}
	return s, nil
}

// inEngine names the field of a wrong option as it is called in [Options].
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
	if !asksForClient(r) {
		s.engine.ServeHTTP(w, r)
		return
	}
	cors := s.opts.Engine.CORS
	switch {
	case cors != nil && cors.Handle(w, r):
	case s.files == nil:
		http.Error(w, "This server does not have the JavaScript client: set socketio.Options.ServeClient to the folder that has it.", http.StatusNotFound)
	default:
		s.files.serve(w, r)
	}
}

// Engine returns the server of the connections below.
func (s *Server) Engine() *engine.Server { return s.engine }

// Shutdown ends the server gracefully. New connections are answered 503 and requests
// to join a namespace not at all, every socket is disconnected with
// [ServerShuttingDown], what was sent before is flushed, the connections are closed,
// and handlers are waited for. Clients see "transport close" and try to reconnect:
// nothing that they receive says that they are not welcome.
//
// The context of handlers that run ends at once, and what they send from then on,
// acknowledgements included, does not reach their clients: those see their requests end
// with the connection, as with a server in JavaScript. Events that have come and wait for
// handlers are still handled, with a context that has ended. So a client that has no
// acknowledgement does not know whether its event was handled, and what must not be lost
// is sent again after the reconnection (Retries of the Go client, retries in JavaScript).
// To let requests finish first, have the program keep count of them, stop what causes new
// ones, and wait before it calls Shutdown.
//
// Afterwards, Emit and the other operations on sockets return an error that matches
// [net.ErrClosed].
//
// When ctx ends first, the connections are cut off, and the error, which matches that of
// ctx, says what Shutdown has waited for. A
// handler must not wait for Shutdown, which waits for the handler.
func (s *Server) Shutdown(ctx context.Context) error {
	s.engine.StopAccepting()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	for _, n := range s.all() {
		for _, socket := range n.Sockets() {
			socket.end(ServerShuttingDown, nil)
		}
	}
	err := s.engine.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("socketio: Shutdown: connections were cut off: %w", err)
	}
	// In this order: what a reader leaves behind is done by a worker.
	for _, quiet := range []func() <-chan struct{}{s.readers.close, s.workers.close} {
		select {
		case <-quiet():
		case <-ctx.Done():
			err = fmt.Errorf("socketio: Shutdown: handlers still run: %w", ctxerr.Of(ctx))
		}
	}
	for _, n := range s.all() {
		if closeErr := n.close(); err == nil {
			err = closeErr
		}
	}
	return err
}

// isClosed reports whether Shutdown was called.
func (s *Server) isClosed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.closed
}

// all returns the namespaces, in no particular order.
func (s *Server) all() []*Namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	namespaces := make([]*Namespace, 0, len(s.namespaces))
	for _, n := range s.namespaces {
		if n.isMade() {
			namespaces = append(namespaces, n)
		}
	}
	return namespaces
}
