// Package app is the application that the examples mount. It returns the
// logged-in user, echoes messages, and has rooms. It does not depend on a
// router.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
)

// Options configure an App. The zero value works for a single server without a
// proxy.
type Options struct {
	// Name distinguishes the servers behind one address.
	Name string
	// Key signs the session cookies. Servers behind one address need the same.
	// Default: a random one.
	Key []byte
	// Origins are those of other sites' pages that may log in and connect, such as
	// "https://www.example.com".
	Origins []string
	// TrustProxy means that all requests pass through our own proxy, which sets
	// X-Forwarded-For and X-Forwarded-Proto. Without such a proxy any client can
	// send these headers.
	TrustProxy bool
	// PingInterval is that of the heartbeat. Default 25 s.
	PingInterval time.Duration
	// Logger is the Socket.IO server's. Default: slog.Default().
	Logger *slog.Logger
}

// An App is an http.Handler for the paths of Socket.IO. Sessions, wrapped around
// it, provides the users.
type App struct {
	opts Options
	io   *socketio.Server
}

// New returns an App. Shutdown ends it.
func New(opts Options) *App {
	if opts.Key == nil {
		opts.Key = randomKey()
	}
	a := &App{opts: opts}
	a.io = socketio.NewServer(&socketio.Options{
		Engine: engine.ServerOptions{
			// Handlers run after the request has ended, so copy only the values they
			// need: routers reuse objects that they store in its context.
			Context: func(r *http.Request) context.Context {
				return withUser(context.Background(), User(r.Context()))
			},
			AllowRequest: a.allowRequest,
			// Pages of other origins may connect if this allows them. For pages of the
			// same host, allowRequest also compares the scheme.
			CORS:         &engine.CORS{AllowOrigin: a.isOther, Credentials: true, MaxAge: 600},
			PingInterval: opts.PingInterval,
		},
		Logger: opts.Logger,
	})
	a.io.On("whoami", a.whoami)
	a.io.On("echo", func(v any) any { return v })
	a.io.On("join", a.join)
	a.io.On("say", a.say)
	return a
}

// ServeHTTP serves the Socket.IO clients, under any path.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.io.ServeHTTP(w, r) }

// Shutdown closes the connections, so that the clients connect to another
// server, and waits for that.
func (a *App) Shutdown(ctx context.Context) error { return a.io.Shutdown(ctx) }

// Connections returns the number of connections.
func (a *App) Connections() int { return a.io.Engine().Len() }

var (
	errNotLoggedIn = errors.New("log in first")
	errOrigin      = errors.New("pages of this origin may not connect")
)

// allowRequest decides whether a client may open a connection. The client
// receives the error's text.
func (a *App) allowRequest(r *http.Request) error {
	if !a.allowsOrigin(r) {
		return errOrigin
	}
	if User(r.Context()) == "" {
		return errNotLoggedIn
	}
	return nil
}

// Identity is the answer to "whoami".
type Identity struct {
	User      string           `json:"user"`
	Server    string           `json:"server"`
	Transport engine.Transport `json:"transport"`
	Address   string           `json:"address"`
}

func (a *App) whoami(ctx context.Context, s *socketio.Socket) Identity {
	return Identity{User(ctx), a.opts.Name, s.Conn().Transport(), a.address(s.Handshake())}
}

// room returns the name of a room of the application, which differs from the
// names of the sockets' own rooms, their IDs.
func room(name string) string { return "room:" + name }

// join returns the number of sockets of this server in the room.
func (a *App) join(s *socketio.Socket, name string) (int, error) {
	if name == "" || len(name) > 50 {
		return 0, fmt.Errorf("a room's name has 1 to 50 bytes, this one has %d", len(name))
	}
	if err := s.Join(room(name)); err != nil {
		return 0, err
	}
	return len(a.io.In(room(name)).Sockets()), nil
}

// said is what is sent to the others in a room.
type said struct {
	Room string `json:"room"`
	From string `json:"from"`
	Text string `json:"text"`
}

func (a *App) say(ctx context.Context, s *socketio.Socket, name, text string) error {
	return s.To(room(name)).Emit("said", said{name, User(ctx), text})
}
