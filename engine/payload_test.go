package engine_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// count sends the numbers from 0 to n-1.
func (s *session) count(t testing.TB, n int) {
	t.Helper()
	for i := range n {
		s.text(t, fmt.Sprint(i))
	}
}

// numbers is the payload of the packets that count sends from number i to n-1.
func numbers(i, n int) string {
	var packets []string
	for ; i < n; i++ {
		packets = append(packets, fmt.Sprint("4", i))
	}
	return strings.Join(packets, "\x1e")
}

// A response has at most MaxPollPackets packets.
func TestPacketsOfAnAnswer(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	p.count(t, 40)
	p.want(numbers(0, 16))
	p.want(numbers(16, 32))
	if len(p.drained) != 0 {
		t.Error("OnDrain was called before the last answer")
	}
	p.want(numbers(32, 40))
	receive(t, p.drained, "OnDrain")
	p.post("4sync")
	if len(p.drained) != 0 {
		t.Error("OnDrain was called twice")
	}

	// The close packet arrives alone, after all messages.
	p.count(t, 17)
	p.Close()
	p.want(numbers(0, 16))
	p.want(numbers(16, 17))
	p.want("1")

	// The limit applies to the response to the handshake, too.
	h = start(t, &engine.ServerOptions{OnConnect: func(c *engine.Conn) engine.Handler {
		s := newSession(c)
		s.count(t, 20)
		return s
	}})
	r := h.request("GET", "EIO=4&transport=polling", "")
	if n := strings.Count(r.body, "\x1e"); n != 15 || !strings.HasPrefix(r.body, "0{") {
		t.Errorf("the handshake was answered with %d packets: %.200q", n+1, r.body)
	}

	h = start(t, &engine.ServerOptions{MaxPollPackets: 30})
	p = h.poll()
	p.count(t, 40)
	p.want(numbers(0, 30))
	p.want(numbers(30, 40))
}

// A message with more parts than the limit leaves in several responses, and later
// messages follow it.
func TestPartsInSeveralAnswers(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{MaxPollPackets: 3, OutboxMessages: 2, Overflow: engine.DropOldest})
	p := h.poll()
	parts := [][]byte{[]byte("1"), []byte("2"), []byte("3")}
	if err := p.Send(engine.NewTextMessage([]byte("parts"), parts...), 0); err != nil {
		t.Fatal(err)
	}
	p.want("4parts\x1ebMQ==\x1ebMg==")
	p.count(t, 4) // of which two fit
	p.want("bMw==\x1e42\x1e43")
}

// Responses have about a megabyte however much is queued, in both revisions.
func TestBytesOfAnAnswer(t *testing.T) {
	t.Parallel()
	const most = 1<<20 + 100
	text, one, two, three := letters(400_000), letters(300_000), letters(300_000), letters(700_000)
	parts := []string{"4" + text, "4" + text, "4" + text, base64Packet("b", one), base64Packet("b", two), base64Packet("b", three), "4end"}
	var parts3 []string
	for _, part := range parts {
		part = strings.Replace(part, "b", "b4", min(1, strings.Count(part[:1], "b")))
		parts3 = append(parts3, fmt.Sprintf("%d:%s", len(part), part))
	}
	for query, want := range map[string]string{
		"EIO=4&transport=polling":       strings.Join(parts, "\x1e"),
		"EIO=3&transport=polling&b64=1": strings.Join(parts3, ""),
		"EIO=3&transport=polling":       "", // the answers are not of one form
	} {
		h := start(t, &engine.ServerOptions{AllowEIO3: true})
		h.request("GET", query, "")
		s := receive(t, h.sessions, "the session")
		s.text(t, text)
		s.text(t, text)
		if err := s.Send(engine.NewTextMessage([]byte(text), []byte(one), []byte(two), []byte(three)), 0); err != nil {
			t.Fatal(err)
		}
		s.text(t, "end")
		var got []string
		for len(got) == 0 || !strings.HasSuffix(got[len(got)-1], "4end") {
			r := h.request("GET", query+"&sid="+s.ID(), "")
			if len(r.body) > most || r.status != http.StatusOK {
				t.Fatalf("%s: answer %d: %d with %d bytes", query, len(got), r.status, len(r.body))
			}
			got = append(got, r.body)
		}
		separator := ""
		if strings.HasPrefix(query, "EIO=4") {
			separator = "\x1e"
		}
		if all := strings.Join(got, separator); want != "" && all != want {
			t.Errorf("%s: got %d bytes, want %d", query, len(all), len(want))
		}
		if len(got) < 3 || len(got) > 4 {
			t.Errorf("%s: %d answers", query, len(got))
		}
	}
	// A single packet is never split.
	p := start(t, nil).poll()
	big := letters(3 << 20)
	p.text(t, "small")
	p.text(t, big)
	p.text(t, "small")
	p.want("4small")
	p.want("4" + big)
	p.want("4small")
}

func letters(size int) string { return strings.Repeat("x", size) }

func base64Packet(prefix, data string) string {
	return prefix + base64.StdEncoding.EncodeToString([]byte(data))
}

// slowPoll is a poll over a connection of its own, whose answer a test reads as slowly as
// it likes.
func (p *poller) slowPoll(headers string) *bufio.Reader {
	p.h.t.Helper()
	nc, err := p.h.dial(context.Background())
	if err != nil {
		p.h.t.Fatal(err)
	}
	p.h.t.Cleanup(func() { nc.Close() })
	if _, err := fmt.Fprintf(nc, "GET /engine.io/?%s HTTP/1.1\r\nHost: x\r\n%s\r\n", p.query, headers); err != nil {
		p.h.t.Fatal(err)
	}
	return bufio.NewReaderSize(nc, 16)
}

// trickle reads size bytes at rate bytes a second.
func trickle(r io.Reader, size, rate int) error {
	buf := make([]byte, rate)
	for size > 0 {
		time.Sleep(time.Second)
		n, err := io.ReadFull(r, buf[:min(rate, size)])
		if err != nil {
			return err
		}
		size -= n
	}
	return nil
}

// A client that reads its response slowly but steadily receives it; if it stops, the
// session ends after the write timeout.
func TestAnswersToSlowClients(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	for name, header := range map[string]string{"plain": "", "compressed": "Accept-Encoding: gzip\r\n"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := startInMemory(t, &engine.ServerOptions{WriteTimeout: 5 * time.Second, PingInterval: time.Hour})
				p := h.poll()
				if err := p.Send(engine.NewBinaryMessage(noise), 0); err != nil {
					t.Fatal(err)
				}
				r := p.slowPoll(header)
				if err := trickle(r, 1<<20, 20_000); err != nil { // it takes 52 s
					t.Fatal(err)
				}
				if len(p.closed) != 0 {
					t.Fatal("the session has ended")
				}
				clk := newClock(t)
				p.wantClose(t, engine.TransportError)
				if d := time.Since(clk.start); d > 5*time.Second {
					t.Errorf("the end came after %v, want at most %v", d, 5*time.Second)
				}
			})
		})
	}
}

// A closed session waits while its client keeps polling for the rest and while it
// receives a response.
func TestRestInSeveralAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		p.count(t, 33)
		p.Close()
		for i := 0; i < 33; i += 16 {
			time.Sleep(29 * time.Second)
			p.want(numbers(i, min(i+16, 33)))
		}
		time.Sleep(29 * time.Second)
		p.want("1")
		wantReply(t, p.get(), 400, `{"code":1,"message":"Session ID unknown"}`)

		p = h.poll()
		p.text(t, letters(1<<20))
		p.text(t, "end")
		p.Close()
		resp, err := http.ReadResponse(p.slowPoll(""), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := trickle(resp.Body, 1+1<<20, 20_000); err != nil {
			t.Fatal(err)
		}
		time.Sleep(29 * time.Second)
		p.want("4end")
		time.Sleep(30 * time.Second)
		synctest.Wait()
		wantReply(t, p.get(), 400, `{"code":1,"message":"Session ID unknown"}`)
	})
}

// Messages left after a poll are sent over the WebSocket after an upgrade.
func TestUpgradeBetweenAnswers(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	p.count(t, 40)
	p.want(numbers(0, 16))
	w := p.probe()
	p.want(numbers(16, 32))
	w.send("5")
	for i := 32; i < 40; i++ {
		w.want(fmt.Sprint("4", i))
	}
	receive(t, p.drained, "OnDrain")
}

// This package's client receives a burst in many responses, followed by the close
// packet.
func TestClientTakesManyAnswers(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	c, s := h.call(h.dialOptions(engine.Polling))
	const n = 500
	go func() {
		s.count(t, n)
		s.text(t, letters(2<<20))
		s.Close()
	}()
	for i := range n {
		c.want(t, fmt.Sprint(i))
	}
	c.want(t, letters(2<<20))
	c.wantEnd(t, engine.TransportClose)
}
