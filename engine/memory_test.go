package engine_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// keptOf returns the number of bytes that a connection keeps of a request: the address,
// the host, the target, and the name and value of each header, each followed by a byte.
func keptOf(r *http.Request) int {
	n := len(r.RemoteAddr) + len(r.Host) + len(r.RequestURI) + 3
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + 2
		}
	}
	return n
}

func TestMaxHeaderBytes(t *testing.T) {
	t.Parallel()
	const limit = 1000
	for _, test := range []struct {
		name, query string
		headers     []string
		accepted    int // 0: the recorder cannot be hijacked, so any answer but 431
	}{
		{"polling", "EIO=4&transport=polling", nil, http.StatusOK},
		{"websocket", "EIO=4&transport=websocket", []string{
			"Connection", "Upgrade", "Upgrade", "websocket",
			"Sec-Websocket-Version", "13", "Sec-Websocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==",
		}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, over := range []int{-1, 0, 1, limit} {
				var refusals []*engine.RequestError
				s, err := engine.NewServer(&engine.ServerOptions{
					MaxHeaderBytes:    limit,
					OnConnectionError: func(err *engine.RequestError) { refusals = append(refusals, err) },
				})
				if err != nil {
					t.Fatal(err)
				}
				r, w := newRequest("GET", test.query)
				for i := 0; i < len(test.headers); i += 2 {
					r.Header.Set(test.headers[i], test.headers[i+1])
				}
				r.Header.Set("X-Fill", "")
				r.Header.Set("X-Fill", strings.Repeat("x", limit+over-keptOf(r)))
				s.ServeHTTP(w, r)
				if over <= 0 {
					if w.Code == http.StatusRequestHeaderFieldsTooLarge || test.accepted != 0 && w.Code != test.accepted {
						t.Errorf("%d bytes with a limit of %d are answered %d", limit+over, limit, w.Code)
					}
					continue
				}
				if w.Code != http.StatusRequestHeaderFieldsTooLarge {
					t.Errorf("%d bytes with a limit of %d are answered %d, want %v", limit+over, limit, w.Code, http.StatusRequestHeaderFieldsTooLarge)
				}
				if s.Len() != 0 {
					t.Error("the refused client has a session")
				}
				if len(refusals) != 1 || refusals[0].Context["name"] != "HEADER_TOO_LARGE" || refusals[0].Context["limit"] != limit {
					t.Errorf("OnConnectionError was called with %v", refusals)
				}
			}
		})
	}
}

func TestDefaultMaxHeaderBytes(t *testing.T) {
	t.Parallel()
	s, err := engine.NewServer(nil)
	if err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int]int{8 << 10: http.StatusOK, 17 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		r, w := newRequest("GET", "EIO=4&transport=polling")
		r.Header.Set("Cookie", strings.Repeat("c", size))
		if s.ServeHTTP(w, r); w.Code != want {
			t.Errorf("a cookie of %d bytes is answered %d, want %d", size, w.Code, want)
		}
	}
	for _, limit := range []int{-1, 1, 255} {
		_, err := engine.NewServer(&engine.ServerOptions{MaxHeaderBytes: limit})
		var oe *engine.OptionError
		if !errors.As(err, &oe) || oe.Field != "MaxHeaderBytes" || oe.Value != limit {
			t.Errorf("with a MaxHeaderBytes of %d NewServer returned %v, want an *OptionError for it", limit, err)
		}
	}
	if _, err := engine.NewServer(&engine.ServerOptions{MaxHeaderBytes: 256}); err != nil {
		t.Errorf("with a MaxHeaderBytes of 256 NewServer returned %v, want no error", err)
	}
}

// Operators see that handshakes are refused because of MaxHeaderBytes, once a minute.
func TestLargeHeadersAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logged := new(lineCounter)
		s, err := engine.NewServer(&engine.ServerOptions{MaxHeaderBytes: 1000, Logger: logged.logger()})
		if err != nil {
			t.Fatal(err)
		}
		refuse := func() {
			r, w := newRequest("GET", "EIO=4&transport=polling")
			r.Header.Set("Cookie", strings.Repeat("c", 1001))
			if s.ServeHTTP(w, r); w.Code != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("answered %d, want 431", w.Code)
			}
		}
		refuse()
		refuse()
		time.Sleep(time.Minute)
		refuse()
		for text, want := range map[string]int{"level=INFO": 2, "larger than ServerOptions.MaxHeaderBytes": 2, "refused=1": 1, "refused=2": 1, "MaxHeaderBytes=1000": 2} {
			if got := logged.count(text); got != want {
				t.Errorf("%q is in %d lines, want %d:\n%s", text, got, want, &logged.buf)
			}
		}
	})
}
