package socketio_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// A provider records what the server asks it for. A function that is not nil decides what
// a method returns.
type provider struct {
	start     func(ctx context.Context, n adapter.Node) error
	namespace func(h adapter.Host) (adapter.Adapter, error)

	mu    sync.Mutex
	calls []string
}

func (p *provider) note(call string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, call)
}

func (p *provider) noted() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

func (p *provider) Start(ctx context.Context, n adapter.Node) error {
	p.note("start")
	if p.start != nil {
		return p.start(ctx, n)
	}
	return nil
}

func (p *provider) Namespace(h adapter.Host) (adapter.Adapter, error) {
	p.note("make " + h.Name())
	if p.namespace != nil {
		return p.namespace(h)
	}
	return reportingAdapter{adapter.NewMemory(h), func() { p.note("close " + h.Name()) }}, nil
}

func (p *provider) Close(context.Context) error {
	p.note("close")
	return errProviderClosed
}

var errProviderClosed = errors.New("the provider was closed")

type reportingAdapter struct {
	*adapter.Memory
	closed func()
}

func (a reportingAdapter) Close() error {
	a.closed()
	return a.Memory.Close()
}

func TestProviderIsStartedFirstAndClosedLast(t *testing.T) {
	t.Parallel()
	var got adapter.Node
	var timeout time.Duration
	p := &provider{start: func(ctx context.Context, n adapter.Node) error {
		got = n
		end, _ := ctx.Deadline()
		timeout = time.Until(end)
		n.Report(adapter.LinkEvent{Link: "bus", State: adapter.LinkUp})
		return nil
	}}
	var events []adapter.LinkEvent
	hooks := &socketio.Hooks{Link: func(e adapter.LinkEvent) { events = append(events, e) }}
	io, err := socketio.New(&socketio.Options{Adapter: p, Hooks: socketio.JoinHooks(hooks), StartTimeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(string(got.ID)) || got.Logger == nil {
		t.Errorf("started for the node %q with the logger %v", got.ID, got.Logger)
	}
	if timeout > time.Hour || timeout < time.Minute {
		t.Errorf("Start had %v, want an hour", timeout)
	}
	if want := (adapter.LinkEvent{Link: "bus"}); !slices.Equal(events, []adapter.LinkEvent{want}) {
		t.Errorf("reported %v, want %v", events, want)
	}
	io.Of("/chat")
	if err := io.Shutdown(t.Context()); err != errProviderClosed {
		t.Errorf("Shutdown returned %v, want the provider's error", err)
	}
	if err := io.Shutdown(t.Context()); err != nil {
		t.Errorf("the second Shutdown returned %v", err)
	}
	calls := p.noted()
	if len(calls) == 6 {
		slices.Sort(calls[3:5]) // namespaces have no order
	}
	if want := []string{"start", "make /", "make /chat", "close /", "close /chat", "close"}; !slices.Equal(calls, want) {
		t.Errorf("called %q, want %q", calls, want)
	}
}

// A server that cannot be made leaves nothing open.
func TestServerWithoutItsProvider(t *testing.T) {
	t.Parallel()
	refused := errors.New("wrong password")
	fail := func(context.Context, adapter.Node) error { return refused }
	failNamespace := func(adapter.Host) (adapter.Adapter, error) { return nil, refused }
	for name, test := range map[string]struct {
		opts  socketio.Options
		p     *provider
		err   string
		calls []string
	}{
		"start": {
			p: &provider{start: fail}, err: "socketio: Adapter: wrong password", calls: []string{"start"},
		},
		"namespace": {
			p: &provider{namespace: failNamespace}, err: "socketio: Adapter: wrong password",
			calls: []string{"start", "make /", "close"},
		},
		"recovery": {
			opts: socketio.Options{Recovery: new(socketio.Recovery)}, p: new(provider), err: "cannot restore sockets",
			calls: []string{"start", "make /", "close /", "close"},
		},
		"timeout": {
			opts: socketio.Options{StartTimeout: -1}, p: new(provider), err: "StartTimeout",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := test.opts
			opts.Adapter = test.p
			io, err := socketio.New(&opts)
			if io != nil || err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("New returned %v, %v, want an error with %q", io, err, test.err)
			}
			if errors.Is(err, refused) != (test.p.start != nil || test.p.namespace != nil) {
				t.Errorf("the error %v does not match its cause", err)
			}
			if calls := test.p.noted(); !slices.Equal(calls, test.calls) {
				t.Errorf("called %q, want %q", calls, test.calls)
			}
		})
	}
	t.Run("panic", func(t *testing.T) {
		t.Parallel()
		p := &provider{namespace: func(adapter.Host) (adapter.Adapter, error) { panic("oops") }}
		defer func() {
			if v := recover(); v != "oops" {
				t.Errorf("recovered %v", v)
			}
			if calls := p.noted(); !slices.Equal(calls, []string{"start", "make /", "close"}) {
				t.Errorf("called %q", calls)
			}
		}()
		socketio.NewServer(&socketio.Options{Adapter: p})
	})
}

// A client whose namespace has no adapter at the moment is not refused, which would be
// final: its connection is closed, and it may try again.
func TestNamespaceWithoutAdapter(t *testing.T) {
	t.Parallel()
	var broken sync.Map
	p := &provider{namespace: func(h adapter.Host) (adapter.Adapter, error) {
		if _, ok := broken.Load(h.Name()); ok {
			return nil, errors.New("not reachable")
		}
		return adapter.NewMemory(h), nil
	}}
	io, url, _ := newServer(t, &socketio.Options{Adapter: p})
	io.OfFunc(func(string, socketio.Args) bool { return true })
	broken.Store("/chat", true)
	c := wiretest.Dial(t, url, "websocket")
	c.Send(`40/chat,`)
	c.ExpectClosed()
	func() {
		defer func() {
			if v, _ := recover().(string); !strings.Contains(v, "not reachable") {
				t.Errorf("Of panicked with %v", v)
			}
		}()
		io.Of("/chat")
	}()
	broken.Clear()
	c = wiretest.Dial(t, url, "websocket")
	c.Join("/chat")

	broken.Store("/late", true)
	if err := io.Shutdown(t.Context()); err != errProviderClosed {
		t.Errorf("Shutdown returned %v, want the provider's error", err)
	}
	if n := io.Of("/late"); n.Adapter() == nil {
		t.Error("a namespace has no adapter after Shutdown")
	}
}
