package peer

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

// A driver executes commands: a [nodepeer.Process] or a [python].
type driver interface {
	Call(command string, args any) (json.RawMessage, error)
	Gone() <-chan struct{}
	Stop() error
}

// A Host is a process that runs servers. Its methods may be called concurrently.
type Host struct {
	driver

	mu      sync.Mutex // guards what follows
	last    int        // the number of the last server
	servers map[string]*Server
}

// StartNodeServers starts js/server.mjs in the folder of the interop module.
func StartNodeServers(dir string) (*Host, error) {
	h := &Host{servers: make(map[string]*Server)}
	p, err := nodepeer.Driver{Dir: dir, File: "js/server.mjs", Notify: h.happened}.Start()
	h.driver = p
	return h, err
}

// StartPythonServers starts python/server.py, in the same folder, with the given
// interpreter.
func StartPythonServers(dir, interpreter string) (*Host, error) {
	h := &Host{servers: make(map[string]*Server)}
	p, err := startPython(dir, interpreter, h.happened)
	h.driver = p
	return h, err
}

// Config says what a server is like. Zero fields stand for the server's defaults;
// the times are milliseconds.
type Config struct {
	// Library is "socket.io", the default, "ss250", which is version 2.5.0, "ws" for
	// a plain WebSocket server, or "none" for a plain web server. Python has one only.
	Library      string   `json:"library,omitempty"`
	Path         string   `json:"path,omitempty"`
	PingInterval int      `json:"pingInterval,omitempty"`
	PingTimeout  int      `json:"pingTimeout,omitempty"`
	MaxPayload   int      `json:"maxPayload,omitempty"`
	Transports   []string `json:"transports,omitempty"`
	Cookie       string   `json:"cookie,omitempty"`
	// Cert and Key are PEM, for TLS.
	Cert string `json:"cert,omitempty"`
	Key  string `json:"key,omitempty"`
	// Options are further ones, in the server's language: an object, or a dict.
	Options string `json:"options,omitempty"`
	// Code is run before the server listens. It sees io (in Python sio), memory and
	// tell, a function that reports an event.
	Code string `json:"code,omitempty"`

	Server string `json:"server"`
	Port   int    `json:"port,omitempty"`
}

// A Server is a server of another implementation.
type Server struct {
	t      testing.TB
	host   *Host
	config Config

	mu     sync.Mutex // guards what follows
	events []Event    // not yet expected
	more   chan struct{}
	open   bool
}

// Open starts a server on a free port. The test's end closes it.
func (h *Host) Open(t testing.TB, config Config) *Server {
	t.Helper()
	s := &Server{t: t, host: h, more: make(chan struct{}, 1)}
	h.mu.Lock()
	h.last++
	config.Server = "s" + strconv.Itoa(h.last)
	h.servers[config.Server] = s
	h.mu.Unlock()
	s.config = config
	s.Start()
	t.Cleanup(func() {
		if s.open {
			s.close(true, true)
		}
		h.mu.Lock()
		delete(h.servers, config.Server)
		h.mu.Unlock()
	})
	return s
}

// happened hands out what happens on the servers.
func (h *Host) happened(message json.RawMessage) {
	var m struct {
		Server string
		Event  string
		Args   json.RawMessage
	}
	if err := json.Unmarshal(message, &m); err != nil {
		fmt.Fprintf(os.Stderr, "server: %s: %v\n", message, err)
		return
	}
	h.mu.Lock()
	s := h.servers[m.Server]
	h.mu.Unlock()
	if s == nil {
		return
	}
	s.mu.Lock()
	s.events = append(s.events, Event{m.Event, m.Args})
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

func (s *Server) call(command string, args any, what string) json.RawMessage {
	s.t.Helper()
	value, err := s.host.Call(command, args)
	if err != nil {
		s.t.Fatalf("server: %s\n%v", what, err)
	}
	return value
}

// Start starts a server that was closed again, on the same port.
func (s *Server) Start() {
	s.t.Helper()
	if err := json.Unmarshal(s.call("open", s.config, "open"), &s.config.Port); err != nil {
		s.t.Fatal(err)
	}
	s.open = true
}

// Close closes the server in an orderly way: clients are disconnected.
func (s *Server) Close() {
	s.t.Helper()
	s.close(false, false)
}

// Crash takes all connections away and closes the server.
func (s *Server) Crash() {
	s.t.Helper()
	s.close(true, false)
}

func (s *Server) close(crash, forget bool) {
	s.t.Helper()
	s.open = false
	s.call("close", map[string]any{"server": s.config.Server, "crash": crash, "forget": forget}, "close")
}

// Addr returns the address and port.
func (s *Server) Addr() string { return "127.0.0.1:" + strconv.Itoa(s.config.Port) }

// URL returns the URL, without a path.
func (s *Server) URL() string {
	if s.config.Cert != "" {
		return "https://" + s.Addr()
	}
	return "http://" + s.Addr()
}

// Run evaluates code in the server's language, an expression or the body of an
// async function, and returns its value as JSON. It sees what Config.Code does, and
// args. An exception fails the test.
func (s *Server) Run(code string, args ...any) json.RawMessage {
	s.t.Helper()
	if args == nil {
		args = []any{}
	}
	return s.call("run", map[string]any{"server": s.config.Server, "code": code, "args": args}, code)
}

// Expect waits for the next event with the given name and returns its arguments.
// Events of other names stay for other calls.
func (s *Server) Expect(name string) json.RawMessage {
	s.t.Helper()
	deadline := time.After(nodepeer.Patience)
	for {
		if e, ok := s.take(name); ok {
			return e.Args
		}
		select {
		case <-s.more:
		case <-s.host.Gone():
			s.t.Fatal(nodepeer.ErrGone)
		case <-deadline:
			s.t.Fatalf("the server told of no %q, but of %s", name, s.Events())
		}
	}
}

func (s *Server) take(name string) (Event, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.events, func(e Event) bool { return e.Name == name })
	if i < 0 {
		return Event{}, false
	}
	e := s.events[i]
	s.events = slices.Delete(s.events, i, i+1)
	return e, true
}

// Events returns the names of the events that have come and that no Expect has
// taken.
func (s *Server) Events() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := []string{}
	for _, e := range s.events {
		names = append(names, e.Name)
	}
	return names
}
