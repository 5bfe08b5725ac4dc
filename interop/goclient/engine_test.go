package goclient

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// Compressed WebSocket messages, in both directions, large and small.
func TestDeflate(t *testing.T) {
	t.Parallel()
	over(t, []string{"node", "python"}, []string{websocket, upgraded}, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{Options: map[string]string{
			"node":   `{ perMessageDeflate: { threshold: 10 } }`,
			"python": ``,
		}[w.server]})
		c := w.dial(t, srv.URL(), func(o *client.Options) {
			o.Engine.PerMessageDeflate = &engine.PerMessageDeflate{Threshold: 10}
		})
		call[int](t, c, "ask", 1) // so the server has upgraded, too
		if w.isNode() {
			equal(t, srv.Run(`[...io.sockets.sockets.values()].map((s) => s.conn.transport.socket.extensions)`), `["permessage-deflate"]`)
		}
		for _, n := range []int{0, 5, 9, 10, 11, 100, 70000, 500000} {
			text := strings.Repeat("ab€", n/5)
			same(t, "text", call[string](t, c, "ask", text) == text, true)
			same(t, "text without compression", call[string](t, c.Compress(false), "ask", text) == text, true)
			same(t, "bytes", bytes.Equal(call[[]byte](t, c, "ask", pattern(n)), pattern(n)), true)
			random := make([]byte, n)
			_, _ = rand.Read(random) // it has no errors
			same(t, "random bytes", bytes.Equal(call[[]byte](t, c, "ask", random), random), true)
		}
	})
}

// A counter counts the answers that came compressed.
type counter struct {
	*http.Transport
	compressed, all atomic.Int32
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.Transport.RoundTrip(r)
	if err == nil {
		c.all.Add(1)
		if resp.Uncompressed {
			c.compressed.Add(1)
		}
	}
	return resp, err
}

// Polling with compressed answers, and a RoundTripper of one's own.
func TestHTTPCompression(t *testing.T) {
	t.Parallel()
	over(t, []string{"node", "python"}, []string{polling}, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		rt := &counter{Transport: new(http.Transport)}
		t.Cleanup(rt.CloseIdleConnections)
		c := w.dial(t, srv.URL(), func(o *client.Options) { o.Engine.RoundTripper = rt })
		for _, n := range []int{10, 5000, 500000} {
			text := strings.Repeat("ab€", n/5)
			same(t, "text", call[string](t, c, "ask", text) == text, true)
		}
		if rt.compressed.Load() < 2 || rt.all.Load() < 6 {
			t.Errorf("%d of %d answers were compressed", rt.compressed.Load(), rt.all.Load())
		}
	})
}

func TestForceBase64(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		c := w.client(t, srv.URL(), func(o *client.Options) { o.Engine.ForceBase64, o.Engine.TimestampRequests = true, true })
		echoes := make(chan []byte, 1)
		c.On("echo", func(b []byte) { echoes <- b })
		w.join(t, c)
		who := call[identity](t, c, "who")
		same(t, "b64", who.Query["b64"], "1")
		if who.Query["t"] == "" {
			t.Error("there is no time stamp")
		}
		for _, n := range []int{0, 1, 2, 3, 70000} {
			emit(t, c, "echo", pattern(n))
			same(t, "the echo", bytes.Equal(receive(t, echoes, "the echo"), pattern(n)), true)
			same(t, "the answer", bytes.Equal(call[[]byte](t, c, "ask", pattern(n)), pattern(n)), true)
		}
	})
}

// What the server accepts at once arrives, and more than that in several requests.
func TestMaxPayload(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{MaxPayload: 1_000_000})
		c := w.client(t, srv.URL(), nil)
		ends := disconnections(c)
		w.join(t, c)
		most := strings.Repeat("x", 999_900)
		same(t, "the largest", call[string](t, c, "ask", most) == most, true)
		for i := range 40 {
			emit(t, c, "item", i, pattern(100_000))
		}
		same(t, "the items", call[[]int](t, c, "items"), numbers(0, 40))
		same(t, "disconnections", len(ends), 0)

		// More than the server has announced is refused where it is emitted.
		tooLarge := strings.Repeat("x", 1_000_100)
		if w.isNode() {
			err := c.Emit("item", -1, tooLarge)
			if large := errorAs[*engine.TooLargeError](t, err); large.Max != 1_000_000 {
				t.Errorf("got %v", err)
			}
			same(t, "the items", call[[]int](t, c, "items"), numbers(0, 40))
			same(t, "disconnections", len(ends), 0)
			return
		}
		// Python's does not announce it: the connection is lost, and the next one is as good.
		begins := connections(c)
		emit(t, c, "item", -1, tooLarge)
		end := receive(t, ends, "OnDisconnect")
		if !slices.Contains([]client.Reason{client.TransportClose, client.TransportError}, end.reason) || end.err == nil {
			t.Errorf("the end is %v: %v", end.reason, end.err)
		}
		receive(t, begins, "the reconnection")
		same(t, "the items", call[[]int](t, c, "items"), numbers(0, 40))
	})
}

// What the server sends is bounded by MaxMessage.
func TestMaxMessage(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{MaxPayload: 10_000_000})
		c := w.client(t, srv.URL(), func(o *client.Options) { o.Engine.MaxMessage = 2_000_000 })
		ends, sizes := disconnections(c), make(chan int, 2)
		c.On("large", func(b []byte) { sizes <- len(b) })
		w.join(t, c)
		send := map[string]string{
			"node":   `io.emit("large", Buffer.alloc(args[0])); return`,
			"python": `await sio.emit("large", bytes(args[0]))`,
		}[w.server]
		srv.Run(send, 1_400_000) // as base64 it is larger
		same(t, "the size", receive(t, sizes, "the data"), 1_400_000)
		begins := connections(c)
		srv.Run(send, 2_000_001)
		end := receive(t, ends, "OnDisconnect")
		if end.reason != client.ParseError || end.err == nil {
			t.Errorf("the end is %v: %v", end.reason, end.err)
		}
		receive(t, begins, "the reconnection")
		srv.Run(send, 3)
		same(t, "the size", receive(t, sizes, "the data"), 3)
	})
}

func TestPath(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{Path: "/my/own/path/"})
		for _, path := range []string{"/my/own/path/", "my/own/path"} {
			c := w.dial(t, srv.URL()+"/chat", func(o *client.Options) { o.Path = path })
			same(t, "the namespace", call[identity](t, c, "who").Namespace, "/chat")
			c.Disconnect()
		}
		c := w.client(t, srv.URL()+"/chat", nil)
		failed := errorAs[*engine.OpError](t, c.Connect(within(t)))
		same(t, "the operation", failed.Op, "handshake")
		if failed.Transport == engine.Polling || !w.isNode() {
			same(t, "the status", failed.Status, http.StatusNotFound)
		}
	})
}

// A load balancer, and the server with its option cookie, route by what they have
// set: every request of a session has to bring it back.
func TestStickyCookies(t *testing.T) {
	eachNode(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{Cookie: "io", Code: `
			memory.complaints = [];
			memory.checked = 0;
			io.engine.use((req, res, next) => {
				const { sid } = req._query;
				if (!sid) return next();
				memory.checked++;
				const cookies = (req.headers.cookie ?? "").split("; ").sort().join("; ");
				if (cookies === "io=" + sid + "; mine=1; route=node-1") return next();
				memory.complaints.push(req.method + " " + req.url + ": " + cookies);
				next(new Error("wrong node"));
			});
			io.engine.on("initial_headers", (headers, req) => {
				const route = "route=node-1; Path=/; HttpOnly";
				// Of several cookies, ws would make one header.
				headers["Set-Cookie"] = req._query.transport === "websocket" ? route : [headers["Set-Cookie"], route, "elsewhere=1; Path=/other"];
			});`})
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(srv.URL())
		if err != nil {
			t.Fatal(err)
		}
		jar.SetCookies(u, []*http.Cookie{{Name: "mine", Value: "1"}})
		c := w.dial(t, srv.URL(), func(o *client.Options) { o.Engine.Jar = jar })
		for i := range 5 {
			same(t, "the answer", call[int](t, c, "ask", i), i)
		}
		equal(t, srv.Run(`memory.complaints`), `[]`)
		if w.transport != websocket && string(srv.Run(`memory.checked`)) == "0" {
			t.Error("no request was checked")
		}
		same(t, "the cookie of the handshake", call[identity](t, c, "who").Headers["cookie"], "mine=1")
		c.Disconnect()
		// The next handshake reaches the same node. The jar has what the servers of both
		// transports have set.
		w.join(t, c)
		if cookie := call[identity](t, c, "who").Headers["cookie"]; !strings.Contains(cookie, "route=node-1") || strings.Contains(cookie, "elsewhere") {
			t.Errorf("the cookies are %q", cookie)
		}
	})
}

// certificate returns a certificate for 127.0.0.1 that it has signed itself, as PEM.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(name string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: name, Bytes: der}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", secret)
}

func TestTLS(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		cert, key := certificate(t)
		srv := w.serve(t, peer.Config{Cert: cert, Key: key})
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(cert))
		for _, scheme := range []string{"https://", "wss://"} {
			c := w.client(t, scheme+srv.Addr()+"/chat", func(o *client.Options) { o.Engine.TLSConfig = &tls.Config{RootCAs: pool} })
			echoes := make(chan []byte, 1)
			c.On("echo", func(b []byte) { echoes <- b })
			w.join(t, c)
			emit(t, c, "echo", pattern(200000))
			same(t, "the echo", bytes.Equal(receive(t, echoes, "the echo"), pattern(200000)), true)
			for i := range 100 {
				emit(t, c, "item", i)
			}
			same(t, "how many items", len(call[[]int](t, c, "items"))%100, 0)
			c.Disconnect()
		}
		// The certificate is not trusted otherwise.
		c := w.client(t, srv.URL(), nil)
		err := c.Connect(within(t))
		errorAs[*engine.OpError](t, err)
		if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
			t.Errorf("got error %v", err)
		}
		// TLS where there is none, and none where there is.
		plain := w.serve(t, peer.Config{})
		for _, u := range []string{"https://" + plain.Addr(), "http://" + srv.Addr()} {
			failed := errorAs[*engine.OpError](t, w.client(t, u, nil).Connect(within(t)))
			same(t, "the operation", failed.Op, "handshake")
		}
	})
}

// A client whose WebSocket has worked begins with one the next time, and polls again
// when it does not work any more.
func TestRememberUpgrade(t *testing.T) {
	t.Parallel()
	over(t, []string{"node", "python"}, []string{upgraded}, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		memory := new(engine.UpgradeMemory)
		remember := func(o *client.Options) { o.Engine.RememberUpgrade = memory }
		for _, want := range []string{polling, websocket, websocket} {
			c := w.client(t, srv.URL(), remember)
			upgrades := make(chan engine.Transport, 1)
			c.Manager().OnUpgrade(func(to engine.Transport) { upgrades <- to })
			w.join(t, c)
			same(t, "the first transport", call[identity](t, c, "who").Query["transport"], want)
			if want == polling {
				same(t, "OnUpgrade", receive(t, upgrades, "OnUpgrade"), engine.WebSocket)
			}
			c.Disconnect()
		}
		// With the server, the way to it has changed: no WebSocket gets through.
		poor := w.serve(t, peer.Config{Transports: []string{polling}})
		w.transport = upgrading
		for range 2 {
			c := w.dial(t, poor.URL(), remember)
			same(t, "the transport", call[identity](t, c, "who").Transport, polling)
			same(t, "the transport", c.Manager().Engine().Transport(), engine.Polling)
			c.Disconnect()
		}
		c := w.dial(t, srv.URL(), remember)
		same(t, "the first transport", call[identity](t, c, "who").Query["transport"], polling)
	})
}

func TestTryAllTransports(t *testing.T) {
	t.Parallel()
	over(t, []string{"node", "python"}, []string{upgrading}, func(t *testing.T, w way) {
		for _, only := range []string{polling, websocket} {
			srv := w.serve(t, peer.Config{Transports: []string{only}})
			for _, order := range [][]engine.Transport{{engine.Polling, engine.WebSocket}, {engine.WebSocket, engine.Polling}} {
				c := w.dial(t, srv.URL(), func(o *client.Options) {
					o.Engine.Transports, o.Engine.TryAllTransports = order, true
				})
				same(t, "the transport", call[identity](t, c, "who").Transport, only)
				same(t, "the transport", string(c.Manager().Engine().Transport()), only)

				c = w.client(t, srv.URL(), func(o *client.Options) { o.Engine.Transports = order })
				err := c.Connect(within(t))
				if string(order[0]) == only {
					if err != nil {
						t.Error(err)
					}
					continue
				}
				failed := errorAs[*engine.OpError](t, err)
				same(t, "the status", failed.Status, http.StatusBadRequest)
				if w.isNode() {
					same(t, "the code", failed.Code, engine.CodeUnknownTransport)
				}
			}
		}
	})
}

// NoUpgrade keeps polling.
func TestNoUpgrade(t *testing.T) {
	t.Parallel()
	over(t, []string{"node", "python"}, []string{upgrading}, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		c := w.dial(t, srv.URL(), func(o *client.Options) { o.Engine.NoUpgrade = true })
		for i := range 20 {
			same(t, "the answer", call[int](t, c, "ask", i), i)
		}
		same(t, "the transport", call[identity](t, c, "who").Transport, polling)
	})
}
