package engine

import (
	"io"
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
