package engine

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A body without a Content-Length takes no more memory than the limit allows.
func TestChunkedBodyIsHeldWithinTheLimit(t *testing.T) {
	const limit = 300_000
	for _, size := range []int{limit / 3, limit - 1, limit} {
		c := &Conn{server: &Server{opts: &ServerOptions{MaxPayload: limit, RequestTimeout: time.Minute}}}
		// Without the type of the Reader, the request has no Content-Length.
		r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(strings.Repeat("x", size))))
		body, err := c.readBody(httptest.NewRecorder(), r)
		if err != nil || len(body.bytes) != size {
			t.Errorf("got %d bytes and error %v, want %d bytes", len(body.bytes), err, size)
		}
		if held := cap(body.bytes); held > limit+1 {
			t.Errorf("a body of %d bytes takes %d, want at most %d", size, held, limit+1)
		}
		body.release()
	}
}

// A POST that arrives while the session moves to a WebSocket, and that the server
// refuses without reading it, does not end the session. A moment later the server
// would have refused it because of its transport.
func TestRefusedPostAfterUpgrade(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		contentType string
		poll        *pollState
	}{
		"overlap":      {plainText, &pollState{post: new(post)}},
		"content type": {octetStream, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Conn{server: &Server{opts: new(ServerOptions)}, poll: test.poll}
			c.link = new(link)
			r := httptest.NewRequest("POST", "/", strings.NewReader("4late"))
			r.Header.Set("Content-Type", test.contentType)
			w := httptest.NewRecorder()
			c.servePost(w, r)
			if w.Code != http.StatusBadRequest {
				t.Errorf("got status %d, want %d", w.Code, http.StatusBadRequest)
			}
			if c.state != open || c.poll != test.poll {
				t.Errorf("the session is in state %d with poll state %v, want state open and %v", c.state, c.poll, test.poll)
			}
		})
	}
}
