package engine_test

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

// pollJSONP performs the handshake of a client with JSONP.
func (h *harness) pollJSONP(revision, j string) *poller {
	h.t.Helper()
	query := "EIO=" + revision + "&transport=polling&j=" + j
	r := h.request("GET", query, "")
	s := receive(h.t, h.sessions, "the session")
	p := &poller{h: h, session: s, query: query + "&sid=" + s.ID()}
	payload := p.argument(r)
	if revision == "3" {
		_, payload, _ = strings.Cut(payload, ":")
	}
	if id := openSID(h.t, payload); id != s.ID() {
		h.t.Fatalf("the client got session ID %q, the server has %q", id, s.ID())
	}
	return p
}

// argument returns the payload in a script.
func (p *poller) argument(r reply) (payload string) {
	p.h.t.Helper()
	_, argument, ok := strings.Cut(r.body, "](")
	argument, end := strings.CutSuffix(argument, ");")
	if !strings.HasPrefix(r.body, "___eio[") || !ok || !end || json.Unmarshal([]byte(argument), &payload) != nil {
		p.h.t.Fatalf("got %d %q", r.status, r.body)
	}
	return payload
}

// form posts a payload as the client does (engine.io-client 3, polling-jsonp.js).
func (p *poller) form(payload string) reply {
	p.h.t.Helper()
	payload = strings.ReplaceAll(payload, `\n`, "\\\n")
	payload = strings.ReplaceAll(payload, "\n", `\n`)
	return p.postAs("application/x-www-form-urlencoded", "d="+url.QueryEscape(payload))
}

func TestJSONP(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	p := h.pollJSONP("3", "7")
	p.text(t, "\"€😀\"\u2028\u2029\n\\n</script>")
	r := p.get()
	wantReply(t, r, 200, `___eio[7]("20:4\"€😀\"\u2028\u2029\n\\n</script>");`)
	for name, want := range map[string]string{
		"Content-Type": "text/javascript; charset=UTF-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
	} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	// A script holds no binary payload.
	send(t, p.Conn, engine.NewTextMessage([]byte("x"), []byte{1, 2, 3, 4}))
	p.want(`___eio[7]("2:4x10:b4AQIDBA==");`)

	for _, text := range []string{"hello", "two\nlines", `escaped \n line`, `\\n`, "\n\n\\n\n", "a+b=c&d=%20", "€😀", "\u2028"} {
		wantReply(t, p.form("0:"), 200, "ok")
		length := 0
		for _, r := range text {
			length++
			if r > 0xffff {
				length++
			}
		}
		wantReply(t, p.form(strconv.Itoa(length+1)+":4"+text), 200, "ok")
		p.wantMessage(t, text)
	}
	p.form("10:b4AQIDBA==")
	p.wantMessage(t, binaryMark+"\x01\x02\x03\x04")
	// It is a form whatever its content type says.
	wantReply(t, p.postAs(octetStream, "d=2:4a"), 200, "ok")
	p.wantMessage(t, "a")
	p.form("1:2")
	p.want(`___eio[7]("1:3");`)
	pending := p.pending()
	p.form("1:1")
	wantReply(t, receive(t, pending, "the poll"), 200, `___eio[7]("1:6");`)
	p.wantClose(t, engine.TransportClose)

	// The same with revision 4.
	p = h.pollJSONP("4", "0")
	send(t, p.Conn, engine.NewTextMessage([]byte("x\ny"), []byte{1}))
	p.want("___eio[0](\"4x\\ny\\u001ebAQ==\");")
	p.form("4two\nlines\x1ebAQ==")
	p.wantMessage(t, "two\nlines")
	p.wantMessage(t, binaryMark+"\x01")

	// An upgrade leaves it behind.
	p = h.pollJSONP("3", "1")
	w := p.probe3()
	w.send("5", "4x")
	p.wantMessage(t, "x")
	send(t, p.Conn, engine.NewBinaryMessage([]byte{1}))
	w.want(binaryMark + "\x04\x01")
}

// Only the digits of j are used.
func TestJSONPIndex(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	for j, call := range map[string]string{
		"12":                          "___eio[12](",
		"":                            "___eio[](",
		"0](alert(1));//":             "___eio[01](",
		"</script><script>7":          "___eio[7](",
		"1&j=2":                       "___eio[2](",
		strings.Repeat("x", 5) + "-3": "___eio[3](",
	} {
		query := "EIO=3&transport=polling&j=" + strings.ReplaceAll(url.QueryEscape(j), "%26j%3D", "&j=")
		if r := h.request("GET", query, ""); !strings.HasPrefix(r.body, call) {
			t.Errorf("j=%q: got %.40s", j, r.body)
		}
	}
}

func TestJSONPUndecodable(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty": "", "no field": "x=1", "payload": "2:4a", "escape": "d=%", "bad payload": "d=4a", "binary": "\x00\x02\xff4a",
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, allowing(nil))
			p := h.pollJSONP("3", "0")
			contentType := "application/x-www-form-urlencoded"
			if name == "binary" {
				contentType = octetStream
			}
			wantReply(t, p.postAs(contentType, body), 400, `{"code":3,"message":"Bad request"}`)
			p.wantClose(t, engine.ParseError)
		})
	}
	h := start(t, allowing(&engine.ServerOptions{MaxPayload: 100}))
	p := h.pollJSONP("3", "0")
	wantReply(t, p.form("98:4"+strings.Repeat("x", 97)), 413, "")
	p.form("2:4a")
	p.wantMessage(t, "a")
	p = h.pollJSONP("4", "0")
	wantReply(t, p.postAs(octetStream, "d=4a"), 400, "")
	p.wantClose(t, engine.TransportError)
}

// Without AllowEIO3 there is no way around the browser's rules for other origins.
func TestJSONPNotAllowed(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll("j=0")
	p.text(t, "x")
	r := p.get()
	wantReply(t, r, 200, "4x")
	if got := r.header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
		t.Errorf("got content type %q", got)
	}
	p.post("4d=4")
	p.wantMessage(t, "d=4")
}

// JSONP is compressed like other answers.
func TestJSONPCompressed(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	p := h.pollJSONP("3", "0")
	p.text(t, strings.Repeat("x", 5000))
	r := h.request("GET", p.query, "", "Accept-Encoding", "gzip")
	if r.header.Get("Content-Encoding") != "gzip" || len(r.body) > 1000 {
		t.Errorf("got %d bytes, encoding %q", len(r.body), r.header.Get("Content-Encoding"))
	}
}
