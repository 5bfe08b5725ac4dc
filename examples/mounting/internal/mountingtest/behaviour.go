package mountingtest

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/examples/mounting/app"
)

// A Mode is a way of using the transports.
type Mode struct {
	Name       string
	Transports []string
	Final      engine.Transport // where it ends up
}

// Modes are all there are.
var Modes = []Mode{
	{"polling", []string{"polling"}, engine.Polling},
	{"websocket", []string{"websocket"}, engine.WebSocket},
	{"upgrade", []string{"polling", "websocket"}, engine.WebSocket},
}

// Other is the origin of another site that the servers of the tests allow; foreign
// is one that they do not.
const (
	Other   = "https://www.example.com"
	foreign = "https://evil.example.net"
)

// Test is what all examples have to do, whatever router they use.
func Test(t *testing.T, env *Env, newHandler func(*app.App) http.Handler) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			var config *tls.Config
			if scheme == "https" {
				config = env.Cert.Server
			}
			s := Serve(t, newHandler, app.Options{Name: "one", Origins: []string{Other}}, config)
			t.Run("all", func(t *testing.T) { // ends when its parallel tests have
				for _, path := range []string{"/socket.io/", "/api/realtime/"} {
					for _, mode := range Modes {
						d := Dialer{URL: s.URL, Path: path, Transports: mode.Transports}
						t.Run(strings.Trim(path, "/")+"/"+mode.Name, func(t *testing.T) {
							t.Parallel()
							testConnect(t, env.Node, d, mode)
						})
					}
					t.Run(strings.Trim(path, "/")+"/CORS", func(t *testing.T) {
						t.Parallel()
						testCORS(t, env, s.URL, path)
					})
				}
			})
			for _, mode := range Modes {
				t.Run("restart/"+mode.Name, func(t *testing.T) { testRestart(t, env, newHandler, mode, config) })
			}
		})
	}
}

func testConnect(t *testing.T, node *Node, d Dialer, mode Mode) {
	ada, grace := d, d
	ada.Cookie, grace.Cookie = node.Login(t, d, "ada"), node.Login(t, d, "grace")

	t.Run("logged in", func(t *testing.T) {
		a, g := node.Connect(t, ada), node.Connect(t, grace)
		for _, c := range []struct {
			*Client
			user string
		}{{a, "ada"}, {g, "grace"}} {
			if len(mode.Transports) > 1 {
				c.AwaitUpgrade(t)
			}
			var got app.Identity
			c.Ask(t, &got, "whoami")
			if want := (app.Identity{User: c.user, Server: "one", Transport: mode.Final, Address: "127.0.0.1"}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		large := strings.Repeat("ö", 100_000)
		var echoed string
		a.Ask(t, &echoed, "echo", large)
		if echoed != large {
			t.Errorf("got %d bytes back, want %d", len(echoed), len(large))
		}
		name := t.Name() // the server has one room for each mode
		if len(name) > 50 {
			name = name[len(name)-50:]
		}
		var members int
		a.Ask(t, &members, "join", name)
		g.Ask(t, &members, "join", name)
		if members != 2 {
			t.Errorf("there are %d in the room, want 2", members)
		}
		a.Emit(t, "say", name, "hello")
		var said []struct{ From, Text string }
		g.Next(t, &said, "said")
		if len(said) != 1 || said[0].From != "ada" || said[0].Text != "hello" {
			t.Errorf("got %+v", said)
		}
	})
	for _, test := range []struct {
		name, cookie, origin, body string // "" when the client gets in
	}{
		{"not logged in", "", "", "log in first"},
		{"forged", ada.Cookie[:len(ada.Cookie)-3] + "AAA", "", "log in first"},
		{"no cookie of ours", "session=ada", "", "log in first"},
		{"same origin", ada.Cookie, d.URL, ""},
		{"other origin", ada.Cookie, Other, ""},
		{"foreign origin", ada.Cookie, foreign, "Origin not allowed"},
		{"origin null", ada.Cookie, "null", "Origin not allowed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := d
			d.Cookie, d.Origin = test.cookie, test.origin
			_, problem := node.TryConnect(t, d)
			want := Problem{}
			switch {
			case test.body == "":
			case mode.Transports[0] == "websocket":
				// The client gets to know no more than that it did not work.
				status := http.StatusBadRequest
				if test.origin != "" {
					status = http.StatusForbidden
				}
				want = Problem{Message: "websocket error", Body: fmt.Sprint("Unexpected server response: ", status)}
			default:
				want = Problem{"xhr poll error", http.StatusForbidden, `{"code":4,"message":"` + test.body + `"}`}
			}
			if problem != want {
				t.Errorf("got %+v, want %+v", problem, want)
			}
		})
	}
}

// testCORS looks at what a browser looks at.
func testCORS(t *testing.T, env *Env, base, path string) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: env.Cert.Roots}}}
	t.Cleanup(client.CloseIdleConnections)
	cookie := env.Node.Login(t, Dialer{URL: base, Origin: Other}, "ada")
	handshake := path + "?EIO=4&transport=polling"

	for _, test := range []struct {
		name, method, target, cookie string
		status                       int
		foreignStatus                int // when it is another for the foreign origin
	}{
		{"preflight", "OPTIONS", handshake, "", 204, 403},
		{"success", "GET", handshake, cookie, 200, 403},
		{"not logged in", "GET", handshake, "", 403, 0},
		{"session unknown", "GET", handshake + "&sid=abc", cookie, 400, 403},
		{"POST, session unknown", "POST", handshake + "&sid=abc", cookie, 400, 403},
		{"transport unknown", "GET", path + "?EIO=4&transport=pigeon", cookie, 400, 0},
		{"login", "POST", "/login", "", 204, 403},
		{"login without a user", "POST", "/login?", "", 400, 403},
	} {
		for _, origin := range []string{Other, foreign} {
			t.Run(test.name+"/"+origin, func(t *testing.T) {
				var body io.Reader
				if test.target == "/login" {
					body = strings.NewReader(url.Values{"user": {"ada"}}.Encode())
				}
				r, err := http.NewRequestWithContext(t.Context(), test.method, base+test.target, body)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Origin", origin)
				if body != nil {
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				if test.cookie != "" {
					r.Header.Set("Cookie", test.cookie)
				}
				if test.method == "OPTIONS" {
					r.Header.Set("Access-Control-Request-Method", "POST")
					r.Header.Set("Access-Control-Request-Headers", "x-custom")
				}
				response, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				want, allowed := test.status, origin
				if origin == foreign {
					allowed = ""
					if test.foreignStatus != 0 {
						want = test.foreignStatus
					}
				}
				text, err := io.ReadAll(response.Body)
				if err != nil {
					t.Fatal(err)
				}
				if response.StatusCode != want {
					t.Errorf("got %s %s, want %d", response.Status, text, want)
				}
				if _, rest, ok := strings.Cut(string(text), `"sid":"`); ok { // close the session, which has no client
					sid, _, _ := strings.Cut(rest, `"`)
					left, err := client.Post(base+handshake+"&sid="+sid, "text/plain", strings.NewReader("1"))
					if err != nil {
						t.Fatal(err)
					}
					left.Body.Close()
				}
				h := response.Header
				if got := h.Values("Access-Control-Allow-Origin"); strings.Join(got, "|") != allowed {
					t.Errorf("got Access-Control-Allow-Origin %q, want %q", got, allowed)
				}
				if got := h.Values("Access-Control-Allow-Credentials"); allowed != "" && strings.Join(got, "|") != "true" {
					t.Errorf("got Access-Control-Allow-Credentials %q, want true", got)
				}
				if got := strings.Join(h.Values("Vary"), ","); !strings.Contains(got, "Origin") {
					t.Errorf("got Vary %q, want Origin in it: caches must not mix origins up", got)
				}
				if test.method == "OPTIONS" && allowed != "" {
					if got := h.Get("Access-Control-Allow-Methods"); !strings.Contains(got, "POST") {
						t.Errorf("got Access-Control-Allow-Methods %q", got)
					}
					if got := h.Get("Access-Control-Allow-Headers"); got != "x-custom" {
						t.Errorf("got Access-Control-Allow-Headers %q", got)
					}
				}
			})
		}
	}
}

// testRestart shuts a server down while a client is connected: Serve sees to it
// that this ends well.
func testRestart(t *testing.T, env *Env, newHandler func(*app.App) http.Handler, mode Mode, config *tls.Config) {
	t.Parallel()
	s := Serve(t, newHandler, app.Options{}, config)
	d := Dialer{URL: s.URL, Transports: mode.Transports}
	d.Cookie = env.Node.Login(t, d, "ada")
	c := env.Node.Connect(t, d)
	if len(mode.Transports) > 1 {
		c.AwaitUpgrade(t)
	}
	s.Stop()
	var reason []string
	c.Next(t, &reason, "disconnect")
	// After this one clients reconnect by themselves; after "io server disconnect"
	// they would not.
	if len(reason) == 0 || reason[0] != "transport close" {
		t.Errorf("the client was disconnected with %q", reason)
	}
}
