package socketiotest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// A packet is an Engine.IO packet: text that begins with its type, or the data
// of a binary message.
type packet struct {
	data   []byte
	binary bool
}

func textPacket(s string) packet { return packet{data: []byte(s)} }

// A transport carries packets. After it was closed or failed, receive returns
// an error.
type transport interface {
	send(packets ...packet) error
	receive() (packet, error)
	close()
}

// A turn is the right to send, which one goroutine has at a time. It is a channel of
// capacity 1 and not a mutex: in a bubble of testing/synctest, time does not pass while
// a goroutine waits for a mutex.
type turn chan struct{}

func (t turn) take(timeout time.Duration) error {
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case t <- struct{}{}:
		return nil
	case <-late.C:
		return os.ErrDeadlineExceeded
	}
}

func (t turn) end() { <-t }

// A refusal is the server's response to a refused handshake.
type refusal struct {
	status  string
	message string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the server has refused the connection: %s: %s", r.status, r.message)
}

func newRefusal(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var answer struct{ Message string }
	if json.Unmarshal(body, &answer) != nil {
		answer.Message = strings.TrimSpace(string(body))
	}
	if resp.StatusCode == http.StatusNotFound {
		answer.Message += " (is the server mounted at ClientOptions.Path?)"
	}
	if resp.StatusCode == http.StatusServiceUnavailable {
		answer.Message += " (was the server shut down?)"
	}
	return &refusal{status: resp.Status, message: answer.Message}
}

func dial(s *Server, o *ClientOptions) (transport, error) {
	query := url.Values{}
	maps.Copy(query, o.Query)
	query.Set("EIO", "4")
	query.Set("transport", string(o.Transport))
	target := s.URL + o.Path
	if o.Transport == engine.WebSocket {
		return dialWebSocket(s, target, query, o)
	}
	return dialPolling(s, target, query, o)
}

// webSocket is the transport over one connection.
type webSocket struct {
	nc      net.Conn
	in      *bufio.Reader
	frames  ws.Reader
	scratch []byte
	sending turn
	timeout time.Duration
}

func dialWebSocket(s *Server, target string, query url.Values, o *ClientOptions) (transport, error) {
	ctx, cancel := context.WithTimeout(context.Background(), o.Timeout)
	defer cancel()
	nc, err := s.listener.Dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := nc.SetDeadline(time.Now().Add(o.Timeout)); err != nil {
		nc.Close()
		return nil, err
	}
	req, err := http.NewRequest(http.MethodGet, target+"?"+query.Encode(), nil)
	if err != nil {
		nc.Close()
		return nil, err
	}
	maps.Copy(req.Header, o.Header)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	req.Header.Set("Sec-WebSocket-Version", "13")
	req.Header.Set("Sec-WebSocket-Key", "c29ja2V0aW90ZXN0IGtleQ==")
	if err := req.Write(nc); err != nil {
		nc.Close()
		return nil, err
	}
	w := &webSocket{nc: nc, in: bufio.NewReader(nc), scratch: make([]byte, 4<<10), sending: make(turn, 1), timeout: o.Timeout}
	w.frames = ws.Reader{MaxMessage: 1 << 30, Client: true}
	resp, err := http.ReadResponse(w.in, req)
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		err = newRefusal(resp)
	}
	if err == nil {
		err = nc.SetDeadline(time.Time{})
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return w, nil
}

func (w *webSocket) send(packets ...packet) error {
	var out []byte
	for _, p := range packets {
		op := ws.Text
		if p.binary {
			op = ws.Binary
		}
		out = ws.AppendMaskedFrame(out, op, false, p.data, [4]byte{1, 2, 3, 4})
	}
	if err := w.sending.take(w.timeout); err != nil {
		return err
	}
	defer w.sending.end()
	if err := w.nc.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
		return err
	}
	_, err := w.nc.Write(out)
	return err
}

func (w *webSocket) receive() (packet, error) {
	for {
		m, ok, err := w.frames.Next()
		switch {
		case err != nil:
			return packet{}, err
		case ok && m.Op == ws.Close:
			w.close()
			return packet{}, net.ErrClosed
		case ok && (m.Op == ws.Text || m.Op == ws.Binary):
			return packet{data: bytes.Clone(m.Data), binary: m.Op == ws.Binary}, nil
		case ok:
			continue
		}
		w.frames.Park()
		buf := w.frames.Space(w.scratch)
		n, err := w.in.Read(buf)
		if err != nil {
			return packet{}, err
		}
		w.frames.Push(buf[:n])
	}
}

func (w *webSocket) close() { w.nc.Close() }

// polling is the transport over requests.
type polling struct {
	http   *http.Client
	url    string
	header http.Header
	ctx    context.Context // ends the polls
	cancel context.CancelFunc
	queue  []packet // received together with others

	sending turn // a server ends a session with two data requests at the same time
	timeout time.Duration
}

func dialPolling(s *Server, target string, query url.Values, o *ClientOptions) (transport, error) {
	p := &polling{url: target + "?" + query.Encode(), header: o.Header, sending: make(turn, 1), timeout: o.Timeout}
	p.http = &http.Client{Transport: &http.Transport{DialContext: s.Dial, DisableKeepAlives: true}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	tooLate := time.AfterFunc(o.Timeout, p.cancel)
	open, err := p.receive()
	if !tooLate.Stop() && err != nil {
		err = fmt.Errorf("no handshake within %v: %w", o.Timeout, err)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	var handshake struct{ SID string }
	if err := json.Unmarshal(bytes.TrimPrefix(open.data, []byte("0")), &handshake); err != nil {
		p.close()
		return nil, fmt.Errorf("handshake %q: %w", open.data, err)
	}
	query.Set("sid", handshake.SID)
	p.url = target + "?" + query.Encode()
	p.queue = append([]packet{open}, p.queue...)
	return p, nil
}

func (p *polling) do(ctx context.Context, method string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, p.url, body)
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, p.header)
	resp, err := p.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, newRefusal(resp)
	}
	return io.ReadAll(resp.Body)
}

func (p *polling) send(packets ...packet) error {
	var body strings.Builder
	for i, packet := range packets {
		if i > 0 {
			body.WriteByte('\x1e')
		}
		if packet.binary {
			body.WriteString("b" + base64.StdEncoding.EncodeToString(packet.data))
		} else {
			body.Write(packet.data)
		}
	}
	if err := p.sending.take(p.timeout); err != nil {
		return err
	}
	defer p.sending.end()
	// The server may close the session in its response, which must not cancel the
	// request.
	ctx, cancel := context.WithTimeout(context.Background(), p.timeout)
	defer cancel()
	_, err := p.do(ctx, http.MethodPost, strings.NewReader(body.String()))
	return err
}

func (p *polling) receive() (packet, error) {
	for len(p.queue) == 0 {
		body, err := p.do(p.ctx, http.MethodGet, nil)
		if err != nil {
			return packet{}, err
		}
		for part := range bytes.SplitSeq(body, []byte{'\x1e'}) {
			next := packet{data: part}
			if encoded, ok := bytes.CutPrefix(part, []byte("b")); ok {
				data, err := base64.StdEncoding.DecodeString(string(encoded))
				if err != nil {
					return packet{}, err
				}
				next = packet{data: data, binary: true}
			}
			p.queue = append(p.queue, next)
		}
	}
	next := p.queue[0]
	p.queue = p.queue[1:]
	return next, nil
}

func (p *polling) close() { p.cancel() }
