package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// large is not exact as a float64.
const large = 1<<53 + 1

// Credentials arrive at a reconnection with a session as they did at first.
func TestCredentialsAtReconnection(t *testing.T) {
	t.Parallel()
	type credentials struct {
		User  int64     `json:"user"`
		Since time.Time `json:"since"`
		Empty *int      `json:"empty,omitempty"`
		Text  int64     `json:"text,string"`
		Other any
	}
	since := time.UnixMilli(1234567890123).UTC()
	some := credentials{large, since, nil, large, []any{json.Number("9007199254740993")}}
	for name, auth := range map[string]any{
		"struct":        some,
		"pointer":       &some,
		"raw":           json.RawMessage(`{"user":9007199254740993,"Other":[9007199254740993,"<&>"]}`),
		"map":           map[string]any{"user": int64(large)},
		"map of raw":    map[string]json.RawMessage{"user": json.RawMessage("9007199254740993")},
		"map of int64":  map[string]int64{"user": large},
		"marshaler":     marshaler(`{"user":9007199254740993}`),
		"nothing":       nil,
		"nil pointer":   (*credentials)(nil),
		"nil map":       map[string]any(nil),
		"nil raw":       json.RawMessage(nil),
		"nil marshaler": (*pointerMarshaler)(nil),
		"own pid":       map[string]any{"user": int64(large), "pid": "mine"},
		"by pointer":    &byPointer{User: pointerNumber{1}, Numbers: [1]pointerNumber{{1}}, Nested: struct{ N pointerNumber }{pointerNumber{1}}},
		"by value":      byPointer{User: pointerNumber{1}},
	} {
		t.Run(name, func(t *testing.T) {
			settings(t, func(t *testing.T, way setting) {
				if way.transports[0] != overWebSocket.transports[0] {
					return // it is the same over all transports
				}
				srv := way.serve(t, &socketio.Options{Recovery: &socketio.Recovery{RunMiddleware: true}})
				got := make(chan map[string]json.RawMessage, 2)
				srv.Use(func(_ context.Context, s *socketio.Socket) error {
					var raw map[string]json.RawMessage
					err := s.Handshake().DecodeAuth(&raw)
					got <- raw
					return err
				})
				c := way.client(t, srv, "/", func(o *client.Options) { o.Auth = auth })
				if auth == nil || name[:3] == "nil" {
					c = way.client(t, srv, "/", func(o *client.Options) {
						o.Auth = func(context.Context) (any, error) { return auth, nil }
					})
				}
				again := make(chan bool, 2)
				c.OnConnect(func() { again <- c.Recovered() })
				connect(t, c)
				receive(t, again, "the connection")
				first := receive(t, got, "the credentials")
				c.Manager().Engine().Close()
				if recovered := receive(t, again, "the reconnection"); recovered != (name != "own pid") {
					t.Errorf("recovered %v", recovered)
				}
				second := receive(t, got, "the credentials at the reconnection")
				if _, ok := second["pid"]; !ok {
					t.Errorf("no pid in %s", second)
				}
				if name != "own pid" {
					delete(second, "pid")
				}
				a, _ := json.Marshal(first)
				b, _ := json.Marshal(second)
				if string(a) != string(b) && !(len(first) == 0 && len(second) == 0) {
					t.Errorf("at first %s, then %s", a, b)
				}
				if user, ok := second["user"]; ok && name != "by value" && string(user) != "9007199254740993" {
					t.Errorf("the user is %s", user)
				}
			})
		})
	}
}

type marshaler string

func (m marshaler) MarshalJSON() ([]byte, error) { return []byte(m), nil }

type pointerMarshaler struct{}

func (*pointerMarshaler) MarshalJSON() ([]byte, error) { return []byte(`{"user":1}`), nil }

// byPointer has parts with methods that encoding/json calls only if a pointer leads there.
type byPointer struct {
	User    pointerNumber `json:"user"`
	Numbers [1]pointerNumber
	Nested  struct{ N pointerNumber }
	Data    [2]byte
}

type pointerNumber struct{ N int }

func (*pointerNumber) MarshalJSON() ([]byte, error) { return []byte("9007199254740993"), nil }

// An Auth function that ignores its context holds Connect up for no longer than
// ConnectTimeout, and is not called again before it has returned.
func TestAuthThatIgnoresItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan bool)
		var running, calls atomic.Int32
		_, c := bubble(t, nil, func(o *client.Options) {
			o.ConnectTimeout = 5 * time.Second
			o.Auth = func(context.Context) (any, error) {
				calls.Add(1)
				if running.Add(1) > 1 {
					t.Error("two calls at a time")
				}
				<-release
				running.Add(-1)
				return nil, nil
			}
		})
		for range 3 {
			start := time.Now()
			err := c.Connect(t.Context())
			if took := time.Since(start); took != 5*time.Second {
				t.Errorf("Connect returned after %v", took)
			}
			errorAs[*client.AuthError](t, err)
			if !errors.Is(err, client.ErrConnectTimeout) || !errors.Is(err, context.DeadlineExceeded) || c.Active() {
				t.Errorf("%v, active %v", err, c.Active())
			}
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("Auth was called %d times", n)
		}
		close(release)
		connect(t, c)
	})
}

// slowCredentials are encoded when their channel is closed.
type slowCredentials chan bool

func (c slowCredentials) MarshalJSON() ([]byte, error) { <-c; return []byte("{}"), nil }

// Credentials whose encoding blocks hold Connect up for no longer than ConnectTimeout.
func TestCredentialsWhoseEncodingBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(slowCredentials)
		_, c := bubble(t, nil, func(o *client.Options) { o.ConnectTimeout, o.Auth = 5*time.Second, release })
		for range 2 {
			err := c.Connect(within(t))
			if errorAs[*client.AuthError](t, err); !errors.Is(err, client.ErrConnectTimeout) || c.Active() {
				t.Errorf("Connect returned %v, and active is %v, want ErrConnectTimeout and false", err, c.Active())
			}
		}
		close(release)
		connect(t, c)
	})
}

// One that ends its goroutine yields no credentials.
func TestAuthThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := overWebSocket.client(t, srv, "/", func(o *client.Options) {
		o.Auth = func(context.Context) (any, error) {
			runtime.Goexit()
			return nil, nil
		}
	})
	errorAs[*client.AuthError](t, c.Connect(within(t)))
}

// Credentials that are larger than what the server accepts are refused at once, with both
// sizes, instead of tried again and again, whether Auth is a function or not.
func TestAuthLargerThanMaxPayload(t *testing.T) {
	t.Parallel()
	long := map[string]string{"token": strings.Repeat("x", 2000)}
	for name, auth := range map[string]any{
		"value":    long,
		"function": func(context.Context) (any, error) { return long, nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, c := bubble(t, &socketio.Options{Engine: engine.ServerOptions{MaxPayload: 1000}}, func(o *client.Options) { o.Auth = auth })
				if err := c.Open(); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				err := c.Connect(t.Context())
				var size *engine.TooLargeError
				if errorAs[*client.AuthError](t, err); !errors.As(err, &size) || size.Max != 1000 || size.Size < 2000 {
					t.Errorf("Connect: %v", err)
				}
				if waited := time.Since(start); c.Active() || waited > 0 {
					t.Errorf("after %v: active %v", waited, c.Active())
				}
			})
		})
	}
}
