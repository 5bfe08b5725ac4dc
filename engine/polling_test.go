package engine_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

func TestPoll(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	// With a message waiting a poll returns at once, with all of them.
	p.text(t, "a")
	p.text(t, "€ \x1f")
	if err := p.Send(engine.NewBinaryMessage([]byte{1, 2, 3, 4}), 0); err != nil {
		t.Fatal(err)
	}
	if err := p.Send(engine.NewTextMessage([]byte("head"), []byte("one"), nil), 0); err != nil {
		t.Fatal(err)
	}
	p.want("4a\x1e4€ \x1f\x1ebAQIDBA==\x1e4head\x1ebb25l\x1eb")
	// Without one it waits.
	pending := p.pending()
	p.text(t, "later")
	r := receive(t, pending, "the poll")
	wantReply(t, r, 200, "4later")
	for name, want := range map[string]string{
		"Content-Type":     "text/plain; charset=UTF-8",
		"Content-Length":   "6",
		"Cache-Control":    "no-store",
		"Content-Encoding": "",
		"X-Xss-Protection": "",
	} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for _, agent := range []string{"Mozilla/4.0 (compatible;MSIE 8.0)", "Mozilla/5.0 (Windows; Trident/7.0)"} {
		p.text(t, "x")
		if r := h.request("GET", p.query, "", "User-Agent", agent); r.header.Get("X-Xss-Protection") != "0" {
			t.Errorf("%s: got header %v", agent, r.header)
		}
	}
}

func TestPost(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	r := p.post("4hello")
	wantReply(t, r, 200, "ok")
	for name, want := range map[string]string{"Content-Type": "text/html", "Content-Length": "2", "Cache-Control": "no-store"} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	// The packets were delivered before the answer.
	if len(p.messages) != 1 {
		t.Errorf("%d messages after the answer", len(p.messages))
	}
	p.wantMessage(t, "hello")

	wantReply(t, p.post("4€\x1ebAQIDBA==\x1e4\x1eb\x1e3\x1e6\x1e0\x1e5\x1e4last"), 200, "ok")
	for _, want := range []string{"€", binaryMark + "\x01\x02\x03\x04", "", binaryMark, "last"} {
		p.wantMessage(t, want)
	}
	wantReply(t, h.request("POST", p.query, "4typed", "Content-Type", "application/json"), 200, "ok")
	p.wantMessage(t, "typed")
	wantReply(t, p.post("4\xff"), 200, "ok")
	p.wantMessage(t, "\uFFFD")

	// A body without an announced length.
	req, err := http.NewRequest("POST", h.url+"?"+p.query, io.MultiReader(strings.NewReader("4chun"), strings.NewReader("ked")))
	if err != nil {
		t.Fatal(err)
	}
	r, err = h.do(req)
	if err != nil {
		t.Fatal(err)
	}
	wantReply(t, r, 200, "ok")
	p.wantMessage(t, "chunked")
}

func TestPostUndecodable(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty":        "",
		"empty packet": "4a\x1e",
		"type 7":       "4a\x1e7",
		"letter":       "4a\x1ex",
		"bad base64":   "4a\x1eb!",
		"EIO3 payload": "9:4abcdefg",
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, nil)
			p := h.poll()
			pending := p.pending()
			r := p.post(body)
			wantReply(t, r, 400, `{"code":3,"message":"Bad request"}`)
			p.wantClose(t, engine.ParseError)
			wantReply(t, receive(t, pending, "the poll"), 200, "1")
			if strings.HasPrefix(body, "4a") {
				p.wantMessage(t, "a") // the packet before it is delivered
			}
			wantReply(t, p.get(), 400, `{"code":1,"message":"Session ID unknown"}`)
		})
	}
	t.Run("the rest is dropped", func(t *testing.T) {
		h := start(t, nil)
		p := h.poll()
		p.post("4a\x1e?\x1e4b")
		p.wantClose(t, engine.ParseError)
		p.wantMessage(t, "a")
		if len(p.messages) != 0 {
			t.Error("a packet behind the bad one was delivered")
		}
	})
}

func TestMaxPayloadOverPolling(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{MaxPayload: 100_000})
	p := h.poll()
	exact := "4" + strings.Repeat("x", 99_999)
	wantReply(t, p.post(exact), 200, "ok")
	p.wantMessage(t, exact[1:])
	wantReply(t, p.post(exact+"x"), 413, "")
	chunked := func(body string) reply {
		t.Helper()
		req, err := http.NewRequest("POST", h.url+"?"+p.query, io.MultiReader(strings.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		r, err := h.do(req)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	wantReply(t, chunked(exact), 200, "ok")
	p.wantMessage(t, exact[1:])
	wantReply(t, chunked(exact+"x"), 413, "")
	// The session survives.
	wantReply(t, p.post("4still here"), 200, "ok")
	p.wantMessage(t, "still here")
}

// slowly is a body that arrives in small pieces, which it counts.
type slowly struct {
	io.Reader
	pieces int
}

func (s *slowly) Read(b []byte) (int, error) {
	s.pieces++
	return s.Reader.Read(b[:min(len(b), 4000)])
}

func (*slowly) Close() error { return nil }

// The limit applies to the received bytes, not the announced length: middleware may
// decompress a body.
func TestDecompressedBody(t *testing.T) {
	t.Parallel()
	const limit = 1_000_000
	h := start(t, &engine.ServerOptions{MaxPayload: limit})
	p := h.poll()
	post := func(payload string) (code int) {
		t.Helper()
		r := httptest.NewRequest("POST", h.url+"?"+p.query, nil)
		body := &slowly{Reader: strings.NewReader(payload)}
		r.Body, r.ContentLength = body, 99
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		if body.pieces > 1000 { // 250 of 4,000 bytes, and a few
			t.Errorf("read in %d pieces", body.pieces)
		}
		return answer.Code
	}
	payload := "4" + strings.Repeat("x", limit-1)
	if code := post(payload); code != 200 {
		t.Errorf("%d bytes: %d, want 200", len(payload), code)
	}
	p.wantMessage(t, payload[1:])
	for _, more := range []string{"x", payload} {
		if code := post(payload + more); code != 413 {
			t.Errorf("%d bytes more: %d, want 413", len(more), code)
		}
	}
}

// A request with too large a Content-Length is answered before its body arrives
// (CVE-2020-36048).
func TestEarly413(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{MaxPayload: 1000})
	p := h.poll()
	for _, announced := range []int64{1001, 200_000, 1 << 40} {
		nc := h.connection()
		fmt.Fprintf(nc, "POST /engine.io/?%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n4", p.query, announced)
		wantReply(t, readReply(t, nc), 413, "")
	}
	p.post("4still here")
	p.wantMessage(t, "still here")
}

// CVE-2026-59725: the request was never answered.
func TestPostOctetStream(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	for _, body := range []string{"complete", "incomplete"} {
		t.Run(body, func(t *testing.T) {
			p := h.poll()
			pending := p.pending()
			nc := h.connection()
			length := 2
			if body == "incomplete" {
				length = 100
			}
			fmt.Fprintf(nc, "POST /engine.io/?%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n4a", p.query, length)
			wantReply(t, readReply(t, nc), 400, "")
			p.wantClose(t, engine.TransportError)
			wantReply(t, receive(t, pending, "the poll"), 200, "1")
		})
	}
}

func TestPollOverlap(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	first := p.pending()
	wantReply(t, p.get(), 400, "")
	wantReply(t, receive(t, first, "the first poll"), 200, "1")
	p.wantClose(t, engine.TransportError)
	if n := h.Len(); n != 0 {
		t.Errorf("%d sessions are left, want 0", n)
	}
}

func TestPostOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		first := h.connection()
		fmt.Fprintf(first, "POST /engine.io/?%s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4abc", p.query)
		p.awaitPost()
		begin := time.Now()
		wantReply(t, p.post("4second"), 400, "")
		p.wantClose(t, engine.TransportError)
		// The first one's connection is cut, without waiting for the rest of its body.
		if b, err := io.ReadAll(first); len(b) > 0 {
			t.Errorf("the first request was answered %q, %v", b, err)
		}
		if d := time.Since(begin); d > time.Second {
			t.Errorf("the first request ended after %v, want at once", d)
		}
		if len(p.messages) != 0 {
			t.Errorf("message %q was delivered", <-p.messages)
		}
	})
}

// The first request may be in a handler when the second arrives.
func TestPostOverlapWhileHandling(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	entered, release := make(chan struct{}), make(chan struct{})
	p.onMessage = func(string) { close(entered); <-release }
	first := make(chan reply, 1)
	go func() {
		r, _ := h.try("POST", p.query, "4first\x1e4never")
		first <- r
	}()
	receive(t, entered, "the handler")
	wantReply(t, p.post("4second"), 400, "")
	p.wantClose(t, engine.TransportError)
	close(release)
	wantReply(t, receive(t, first, "the first answer"), 200, "ok")
	p.wantMessage(t, "first")
	if len(p.messages) != 0 {
		t.Errorf("got message %q after the end", <-p.messages)
	}
}

func TestPollAborted(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", h.url+"?"+p.query, nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := h.do(req)
		done <- err
	}()
	waitFor(t, "the poll", p.Writable)
	cancel()
	if err := receive(t, done, "the poll's end"); err == nil {
		t.Error("the poll was answered")
	}
	p.wantClose(t, engine.TransportError)
}

func TestPostAborted(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	for _, head := range []string{"Content-Length: 10\r\n\r\n4abc", "Transfer-Encoding: chunked\r\n\r\n5\r\n4abcd\r\n", "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"} {
		p := h.poll()
		nc := h.connection()
		fmt.Fprintf(nc, "POST /engine.io/?%s HTTP/1.1\r\nHost: x\r\n%s", p.query, head)
		if !strings.Contains(head, "nonsense") {
			p.awaitPost()
		}
		nc.Close()
		p.wantClose(t, engine.TransportError)
		if len(p.messages) != 0 {
			t.Error("a part of a request was delivered")
		}
	}
}

func TestSlowPost(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{RequestTimeout: 100 * time.Millisecond})
	p := h.poll()
	nc := h.connection()
	fmt.Fprintf(nc, "POST /engine.io/?%s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4abc", p.query)
	p.wantClose(t, engine.TransportError)
	if b, _ := io.ReadAll(nc); len(b) > 0 {
		t.Errorf("got answer %q", b)
	}
}

// A body that is not needed holds a request no longer than RequestTimeout.
func TestSlowBodyOfRefusedRequest(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{RequestTimeout: 100 * time.Millisecond})
	for _, query := range []string{"EIO=4&transport=polling&sid=unknown", "EIO=4&transport=polling"} {
		nc := h.connection()
		fmt.Fprintf(nc, "POST /engine.io/?%s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4abc", query)
		if r := readReply(t, nc); r.status != 400 {
			t.Errorf("got %d, want 400", r.status)
		}
	}
}

// The deadline of a body must not outlast it: the connection is used again, and
// handlers may take their time.
func TestRequestTimeoutEndsWithTheBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, &engine.ServerOptions{RequestTimeout: 5 * time.Second})
		p := h.poll()
		p.onMessage = func(string) { time.Sleep(10 * time.Second) }
		for range 2 {
			wantReply(t, p.post("4x"), 200, "ok")
		}
		if len(p.closed) != 0 {
			t.Errorf("the session ended with %v", <-p.closed)
		}
	})
}

func TestOtherMethods(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"} {
		r := h.request(method, p.query, "")
		if r.status != http.StatusMethodNotAllowed || r.body != "" || r.header.Get("Allow") != "GET, POST" {
			t.Errorf("%s: got %d %q %v", method, r.status, r.body, r.header)
		}
	}
	p.post("4still here")
	p.wantMessage(t, "still here")
}

func TestClosePacket(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	pending := p.pending()
	wantReply(t, p.post("4before\x1e1\x1e4after"), 200, "ok")
	p.wantMessage(t, "before")
	wantReply(t, receive(t, pending, "the poll"), 200, "6")
	p.wantClose(t, engine.TransportClose)
	if len(p.messages) != 0 {
		t.Error("a message behind the close packet was delivered")
	}
	wantReply(t, p.get(), 400, `{"code":1,"message":"Session ID unknown"}`)
}

// The poll may arrive after the close packet. If it does not, the session ends without it.
func TestClosePacketBeforeThePoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		p.drop()
		p.wantClose(t, engine.TransportClose)
		wantReply(t, p.get(), 200, "6")
		wantReply(t, p.get(), 400, `{"code":1,"message":"Session ID unknown"}`)

		p = h.poll()
		p.drop()
		p.wantClose(t, engine.TransportClose)
		waitFor(t, "the session to go", func() bool { return h.Len() == 0 })
	})
}

// What a client that leaves has not fetched is discarded, and its poll, if there is one, is
// answered at once.
func TestClosePacketBeforeMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		p.text(t, "unread")
		p.drop()
		if n := p.Buffered(); n != 0 {
			t.Errorf("%d bytes are buffered for a client that left, want 0", n)
		}
		p.want("6")

		p = h.poll()
		pending := p.start()
		synctest.Wait()
		c := newClock(t)
		p.drop()
		wantReply(t, <-pending, 200, "6")
		c.want(0, "the answer")
	})
}

// A client that leaves while it takes an answer gets its rest, but its session, which has
// nothing more for it, does not wait for that.
func TestClosePacketDuringAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		text := letters(100_000)
		p.text(t, text)
		resp, err := http.ReadResponse(p.slowPoll(""), nil)
		if err != nil {
			t.Fatal(err)
		}
		p.drop()
		p.wantClose(t, engine.TransportClose)
		time.Sleep(time.Second)
		if n := h.Len(); n != 0 {
			t.Errorf("%d sessions a second after the client left, want 0", n)
		}
		if body, err := io.ReadAll(resp.Body); string(body) != "4"+text {
			t.Errorf("the client got %d bytes (%v), want %d", len(body), err, 1+len(text))
		}
	})
}

// Packets after a close packet are ignored, even while the last poll is awaited.
func TestPostAfterClosePacket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		for _, server := range []bool{false, true} { // closes the session before
			p := h.poll()
			if server {
				p.Close()
				wantReply(t, p.post("4ignored"), 200, "ok") // the client cannot know yet
			}
			wantReply(t, p.post("1"), 200, "ok")
			wantReply(t, p.post("4late"), 400, `{"code":1,"message":"Session ID unknown"}`)
			if len(p.messages) != 0 {
				t.Error("a message was delivered")
			}
		}
		p := h.poll()
		p.drop()
		wantReply(t, p.post("4late"), 400, `{"code":1,"message":"Session ID unknown"}`)
		wantReply(t, p.get(), 200, "6")
	})
}

// The client may have closed only one half of the connection, and would take a
// response without a payload for the answer to its poll.
func TestPollHalfClosed(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	nc := h.connection()
	if _, err := nc.Write([]byte("GET /engine.io/?" + p.query + " HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the poll to wait", p.Writable)
	if err := nc.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(nc); len(answer) > 0 {
		t.Errorf("answered %q, %v", answer, err)
	}
	p.wantClose(t, engine.TransportError)
}

// A body that arrives, but is not well-formed, is answered; one that is cut off is not.
func TestPostMalformedBody(t *testing.T) {
	t.Parallel()
	const head = " HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, body := range map[string]string{
		"size":            "zz\r\n4hi\r\n0\r\n\r\n",
		"no size":         "\r\n4hi\r\n0\r\n\r\n",
		"size too large":  "ffffffffffffffff1\r\n4hi",
		"data too long":   "3\r\n4hi, and more\r\n0\r\n\r\n",
		"second chunk":    "3\r\n4hi\r\n-1\r\n",
		"endless size":    strings.Repeat("0", 5000),
		"endless comment": "3;" + strings.Repeat("x", 100_000) + "\r\n4hi\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, nil)
			p := h.poll()
			nc := h.connection()
			if _, err := nc.Write([]byte("POST /engine.io/?" + p.query + head + body)); err != nil {
				t.Fatal(err)
			}
			r := readReply(t, nc)
			wantReply(t, r, 400, `{"code":3,"message":"Bad request"}`)
			p.wantClose(t, engine.TransportError)
			if len(p.messages) != 0 {
				t.Error("a message was delivered")
			}
		})
	}
}

func TestBase64Client(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := h.websocket("b64=1")
	if err := w.Send(engine.NewTextMessage([]byte("head"), []byte{1, 2, 3, 4}), 0); err != nil {
		t.Fatal(err)
	}
	w.want("4head")
	w.want("bAQIDBA==")
	w.send("bAQIDBA==", "4text")
	w.wantMessage(t, binaryMark+"\x01\x02\x03\x04")
	w.wantMessage(t, "text")
	w = h.websocket("b64=")
	if err := w.Send(engine.NewBinaryMessage([]byte{1}), 0); err != nil {
		t.Fatal(err)
	}
	w.want(binaryMark + "\x01")
}

func TestHTTPCompression(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("compress me ", 100)
	for _, test := range []struct {
		name   string
		opts   engine.ServerOptions
		accept string
		text   string
		flags  engine.Flags
		want   string
	}{
		{"gzip", engine.ServerOptions{}, "gzip", text, 0, "gzip"},
		{"deflate", engine.ServerOptions{}, "deflate", text, 0, "deflate"},
		{"gzip is preferred", engine.ServerOptions{}, "deflate, gzip;q=0.5", text, 0, "gzip"},
		{"anything", engine.ServerOptions{}, "*", text, 0, "gzip"},
		{"not gzip", engine.ServerOptions{}, "gzip;q=0, deflate", text, 0, "deflate"},
		{"nothing", engine.ServerOptions{}, "gzip; q=0.0", text, 0, ""},
		{"bad weight", engine.ServerOptions{}, "gzip;q=x", text, 0, ""},
		{"brotli", engine.ServerOptions{}, "br", text, 0, ""},
		{"not asked for", engine.ServerOptions{}, "", text, 0, ""},
		{"at the threshold", engine.ServerOptions{}, "gzip", text[:1023], 0, "gzip"},
		{"below the threshold", engine.ServerOptions{}, "gzip", text[:1022], 0, ""},
		{"lower threshold", engine.ServerOptions{HTTPCompressionThreshold: 10}, "gzip", text[:20], 0, "gzip"},
		{"off", engine.ServerOptions{DisableHTTPCompression: true}, "gzip", text, 0, ""},
		{"NoCompress", engine.ServerOptions{}, "gzip", text, engine.NoCompress, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := start(t, &test.opts)
			p := h.poll()
			for range 2 { // the compressors are pooled
				if err := p.Send(engine.NewTextMessage([]byte(test.text)), test.flags); err != nil {
					t.Fatal(err)
				}
				var headers []string
				if test.accept != "" {
					headers = []string{"Accept-Encoding", test.accept}
				}
				r := h.request("GET", p.query, "", headers...)
				if got := r.header.Get("Content-Encoding"); got != test.want {
					t.Errorf("got encoding %q, want %q", got, test.want)
				}
				if got := decompress(t, test.want, r.body); got != "4"+test.text {
					t.Errorf("got %.50q, want %q", got, "4"+test.text)
				}
			}
		})
	}
	t.Run("one message is enough", func(t *testing.T) {
		h := start(t, nil)
		p := h.poll()
		for _, flags := range []engine.Flags{engine.NoCompress, 0} {
			if err := p.Send(engine.NewTextMessage([]byte(text)), flags); err != nil {
				t.Fatal(err)
			}
		}
		if r := h.request("GET", p.query, "", "Accept-Encoding", "gzip"); r.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("got header %v", r.header)
		}
	})
}

func decompress(t *testing.T, encoding, body string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	var err error
	switch encoding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
