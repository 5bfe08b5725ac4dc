// Package wiretest is a client for tests that sends single packets over either
// transport. By itself it only answers heartbeats.
package wiretest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// Timeout is how long a test waits before it fails.
const Timeout = 30 * time.Second

// A Client is one connection. Send and the Expect methods fail the test on
// errors and on unexpected packets.
type Client struct {
	t       testing.TB
	SID     string
	Open    json.RawMessage // the payload of the open packet
	packets chan string     // received; binary ones start with binaryMark
	polling bool
	send    func(packets ...string) error
	close   func()
	wg      sync.WaitGroup
}

const binaryMark = "\x00"

// Binary makes the packet that carries data as a binary message.
func Binary(data string) string { return binaryMark + data }

// Serve starts an HTTP server for h on a loopback address. It is closed at the
// end of the test.
func Serve(t testing.TB, h http.Handler) (baseURL string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// Dial opens a connection over "polling" or "websocket" to a server mounted
// under /socket.io/; extra are further query parameters, such as "b64=1".
func Dial(t testing.TB, baseURL, transport string, extra ...string) *Client {
	t.Helper()
	c := &Client{t: t, packets: make(chan string, 1<<16)}
	u, err := url.Parse(baseURL)
	if err != nil {
		t.Fatal(err)
	}
	// Of a repeated parameter the server takes the last, so extra may have another EIO.
	query := strings.Join(append([]string{"EIO=4", "transport=" + transport}, extra...), "&")
	if transport == "websocket" {
		c.dialWebSocket(u, query)
	} else {
		c.dialPolling(baseURL+"/socket.io/?", query)
	}
	c.polling = transport == "polling"
	t.Cleanup(c.Leave)
	open := c.Read()
	if !strings.HasPrefix(open, "0{") {
		t.Fatalf("the first packet is %q, not the handshake", open)
	}
	c.Open = json.RawMessage(open[1:])
	var payload struct{ SID string }
	if err := json.Unmarshal(c.Open, &payload); err != nil {
		t.Fatal(err)
	}
	c.SID = payload.SID
	return c
}

// Join dials and joins a namespace. It returns the socket's ID.
func Join(t testing.TB, baseURL, transport, nsp string) (*Client, string) {
	t.Helper()
	c := Dial(t, baseURL, transport)
	return c, c.Join(nsp)
}

// Join joins a namespace and returns the socket's ID.
func (c *Client) Join(nsp string) (sid string) {
	c.t.Helper()
	prefix := "40"
	if nsp != "/" {
		prefix += nsp + ","
	}
	c.Send(prefix)
	answer := c.Read()
	var payload struct{ SID string }
	if !strings.HasPrefix(answer, prefix+"{") || json.Unmarshal([]byte(answer[len(prefix):]), &payload) != nil {
		c.t.Fatalf("joining %s was answered %q", nsp, answer)
	}
	return payload.SID
}

func (c *Client) dialWebSocket(u *url.URL, query string) {
	c.t.Helper()
	nc, err := net.Dial("tcp", u.Host)
	if err != nil {
		c.t.Fatal(err)
	}
	fmt.Fprintf(nc, "GET /socket.io/?%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", query, u.Host)
	head := make([]byte, 0, 512)
	for one := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, one...) {
		if _, err := nc.Read(one); err != nil {
			c.t.Fatalf("handshake: %v after %q", err, head)
		}
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
		c.t.Fatalf("handshake: %s", head)
	}
	var mu sync.Mutex
	c.send = func(packets ...string) error {
		var out []byte
		for _, p := range packets {
			op := ws.Text
			if data, ok := strings.CutPrefix(p, binaryMark); ok {
				op, p = ws.Binary, data
			}
			out = ws.AppendMaskedFrame(out, op, false, []byte(p), [4]byte{1, 2, 3, 4})
		}
		mu.Lock()
		defer mu.Unlock()
		_, err := nc.Write(out)
		return err
	}
	c.close = func() { nc.Close() }
	c.wg.Go(func() {
		defer close(c.packets)
		defer nc.Close()
		r := ws.Reader{MaxMessage: 1 << 30, Client: true}
		scratch := make([]byte, 32<<10)
		for {
			buf := r.Space(scratch)
			n, err := nc.Read(buf)
			if err != nil {
				return
			}
			r.Push(buf[:n])
			for {
				m, ok, err := r.Next()
				if err != nil {
					return
				}
				if !ok {
					break
				}
				if m.Op == ws.Binary {
					c.received(binaryMark + string(m.Data))
				} else if m.Op == ws.Text {
					c.received(string(m.Data))
				}
			}
			r.Park()
		}
	})
}

func (c *Client) dialPolling(endpoint, query string) {
	client := &http.Client{Transport: &http.Transport{}}
	ctx, cancel := context.WithCancel(context.Background())
	first := true
	var mu sync.Mutex // guards query
	target := func() string {
		mu.Lock()
		defer mu.Unlock()
		return endpoint + query
	}
	c.send = func(packets ...string) error {
		for i, p := range packets {
			if data, ok := strings.CutPrefix(p, binaryMark); ok {
				packets[i] = "b" + base64.StdEncoding.EncodeToString([]byte(data))
			}
		}
		resp, err := client.Post(target(), "text/plain;charset=UTF-8", strings.NewReader(strings.Join(packets, "\x1e")))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
			return fmt.Errorf("POST: %s %s", resp.Status, body)
		}
		return nil
	}
	c.close = cancel
	c.wg.Go(func() {
		defer close(c.packets)
		defer client.CloseIdleConnections()
		for {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, target(), nil)
			if err != nil {
				return
			}
			resp, err := client.Do(req)
			if err != nil {
				return
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK {
				return
			}
			for p := range strings.SplitSeq(string(body), "\x1e") {
				if first {
					first = false
					var payload struct{ SID string }
					if json.Unmarshal([]byte(strings.TrimPrefix(p, "0")), &payload) == nil {
						mu.Lock()
						query += "&sid=" + payload.SID
						mu.Unlock()
					}
				}
				if p == "1" {
					return
				}
				if encoded, ok := strings.CutPrefix(p, "b"); ok {
					data, _ := base64.StdEncoding.DecodeString(encoded)
					p = binaryMark + string(data)
				}
				c.received(p)
			}
		}
	})
}

// received passes a packet on, except heartbeats and noops.
func (c *Client) received(p string) {
	switch p {
	case "2":
		// If send fails, reading fails, too.
		c.wg.Go(func() { _ = c.send("3") })
	case "6":
	default:
		c.packets <- p
	}
}

// Send sends packets together: in one write, or in one request.
func (c *Client) Send(packets ...string) {
	c.t.Helper()
	if err := c.send(packets...); err != nil {
		c.t.Fatalf("sending %q: %v", packets, err)
	}
}

// TrySend is Send for packets that the server may answer by closing.
func (c *Client) TrySend(packets ...string) { _ = c.send(packets...) }

// Read returns the next packet; "" means that the connection was closed.
func (c *Client) Read() string {
	c.t.Helper()
	select {
	case p, ok := <-c.packets:
		if ok && p == "" {
			c.t.Fatal("an empty packet")
		}
		return p
	case <-time.After(Timeout):
		c.t.Fatal("no packet in time")
		return ""
	}
}

// Expect reads packets and compares them.
func (c *Client) Expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got := c.Read(); got != w {
			c.t.Fatalf("received %q, want %q", got, w)
		}
	}
}

// ExpectClosed waits for the end of the connection and fails the test if a packet
// arrives first.
func (c *Client) ExpectClosed() {
	c.t.Helper()
	if p := c.Read(); p != "" {
		c.t.Fatalf("received %q, want the end of the connection", p)
	}
}

// Leave closes the connection in an orderly way.
func (c *Client) Leave() {
	if c.polling {
		c.TrySend("1") // otherwise the server would wait for the next poll
	}
	c.Close()
}

// Close closes the connection abruptly.
func (c *Client) Close() {
	c.close()
	c.wg.Wait()
}
