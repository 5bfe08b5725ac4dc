package mountingtest

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// A Poller is a client on polling, request by request, over any version of HTTP;
// the JavaScript client under Node knows only 1.1.
type Poller struct {
	Client *http.Client
	URL    string // with the path
	Cookie string
	Proto  string // the version of HTTP that answers must have

	sid string
}

// Open opens a session and connects to the main namespace.
func (p *Poller) Open(t testing.TB) {
	t.Helper()
	_, rest, ok := strings.Cut(p.Get(t), `"sid":"`)
	if !ok {
		t.Fatal("the answer to the handshake has no session ID")
	}
	p.sid, _, _ = strings.Cut(rest, `"`)
	p.Post(t, "40")
	if got := p.Get(t); !strings.HasPrefix(got, "40{") {
		t.Fatalf("got %q, want the answer to the connect packet", got)
	}
}

// Close ends the session.
func (p *Poller) Close(t testing.TB) {
	t.Helper()
	p.Post(t, "1")
}

// Get returns the next packets.
func (p *Poller) Get(t testing.TB) string {
	t.Helper()
	return p.do(t, http.MethodGet, "")
}

// Post sends packets.
func (p *Poller) Post(t testing.TB, packets string) {
	t.Helper()
	p.do(t, http.MethodPost, packets)
}

func (p *Poller) do(t testing.TB, method, body string) string {
	t.Helper()
	url := p.URL + "?EIO=4&transport=polling"
	if p.sid != "" {
		url += "&sid=" + p.sid
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", p.Cookie)
	response, err := p.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || response.Proto != p.Proto {
		t.Fatalf("%s: got %s %s %q, %v, want 200 over %s", method, response.Proto, response.Status, b, err, p.Proto)
	}
	return string(b)
}
