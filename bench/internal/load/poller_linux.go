package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"syscall"
	"time"
)

// A poller is a client on HTTP long-polling: one connection for the poll that
// is always open, and one for what it sends.
type poller struct {
	gen     *Generator
	addr    syscall.Sockaddr
	poll    exchange
	post    exchange
	sid     string
	waiting []byte // packets to be sent when the POST under way is answered
	asking  bool   // the acknowledgement has yet to come
	asked   time.Duration
}

// An exchange is a connection that carries one request at a time.
type exchange struct {
	stream
	poller  *poller
	request []byte // until the connection stands
	partial []byte
	busy    bool
	done    func(body []byte) error
}

const separator = 0x1e

func (g *Generator) connectPollers() error {
	n := g.spec.Pollers
	if g.spec.Kind == "poll" {
		n = g.spec.Clients
	}
	for i := range n {
		p := &poller{gen: g, addr: g.addrs[i%len(g.addrs)]}
		p.poll = exchange{stream: stream{loop: g.loop, fd: -1}, poller: p, done: p.opened}
		p.post = exchange{stream: stream{loop: g.loop, fd: -1}, poller: p, done: p.posted}
		g.pollers = append(g.pollers, p)
		if err := p.get(); err != nil {
			return err
		}
		if i%64 == 63 || i == n-1 {
			if _, err := g.until(func() bool { return g.pollersUp == i+1 }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *poller) get() error {
	return p.poll.send(fmt.Appendf(nil, "GET /socket.io/?EIO=4&transport=polling%s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n", p.query()))
}

func (p *poller) query() string {
	if p.sid == "" {
		return ""
	}
	return "&sid=" + p.sid
}

// emit sends packets, now or behind the POST that is under way.
func (p *poller) emit(packets string) error {
	if p.post.busy {
		if len(p.waiting) > 0 {
			p.waiting = append(p.waiting, separator)
		}
		p.waiting = append(p.waiting, packets...)
		return nil
	}
	return p.post.send(fmt.Appendf(nil, "POST /socket.io/?EIO=4&transport=polling%s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n"+
		"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s", p.query(), len(packets), packets))
}

// opened handles the answer to the handshake.
func (p *poller) opened(body []byte) error {
	var open struct {
		SID string `json:"sid"`
	}
	if len(body) == 0 || body[0] != '0' || json.Unmarshal(body[1:], &open) != nil {
		return fmt.Errorf("handshake answered with %.40q", body)
	}
	p.sid = open.SID
	p.poll.done = p.polled
	if err := p.emit("40"); err != nil {
		return err
	}
	return p.get()
}

// posted handles the answer to a POST.
func (p *poller) posted(body []byte) error {
	if string(body) != "ok" {
		return fmt.Errorf("data request answered with %.40q", body)
	}
	if len(p.waiting) > 0 {
		packets := string(p.waiting)
		p.waiting = nil
		return p.emit(packets)
	}
	return p.again()
}

// polled handles the answer to a poll.
func (p *poller) polled(body []byte) error {
	if err := p.get(); err != nil {
		return err
	}
	for packet := range bytes.SplitSeq(body, []byte{separator}) {
		switch {
		case len(packet) > 1 && packet[0] == '4' && packet[1] == '0':
			p.gen.pollersUp++
		case len(packet) > 1 && packet[0] == '4' && packet[1] == '3':
			p.gen.messages++
			if p.gen.spec.Kind == "poll" {
				p.gen.latency.add(p.gen.loop.now() - p.asked)
			}
			p.asking = false
		case len(packet) > 1 && packet[0] == '4' && packet[1] == '2':
			p.gen.messages++
		case string(packet) == "2":
			if err := p.emit("3"); err != nil {
				return err
			}
		case string(packet) == "6":
		default:
			return fmt.Errorf("unexpected packet %.40q", packet)
		}
	}
	return p.again()
}

// ask sends an event that wants an acknowledgement.
func (p *poller) ask() {
	p.asking = true
	p.asked = p.gen.loop.now()
	if err := p.emit(`420["echo",{"msg":"hello","n":1}]`); err != nil {
		p.lost(err)
	}
}

// again asks once more when the last question is done with.
func (p *poller) again() error {
	if w, ok := p.gen.work.(*polling); ok && w.begun && p.idle() {
		p.ask()
	}
	return nil
}

func (p *poller) idle() bool { return !p.asking && !p.post.busy }

func (p *poller) lost(err error) {
	p.poll.close()
	p.post.close()
	p.gen.failure = fmt.Errorf("polling client lost: %w", err)
}

// send starts a request.
func (x *exchange) send(request []byte) error {
	x.busy = true
	if x.fd < 0 {
		x.request = request
		return x.dial(x.poller.addr, x)
	}
	return x.stream.send(request)
}

// ready implements socket.
func (x *exchange) ready(events uint32) {
	if err := x.serve(events); err != nil {
		x.poller.lost(err)
	}
}

func (x *exchange) serve(events uint32) error {
	if !x.reading {
		if err := x.connected(); err != nil {
			return err
		}
		request := x.request
		x.request = nil
		return x.stream.send(request)
	}
	if events&writable != 0 && len(x.unsent) > 0 {
		if err := x.flush(); err != nil {
			return err
		}
	}
	if events&(readable|broken) == 0 {
		return nil
	}
	b, err := x.receive()
	if err == errClosed && !x.busy {
		// An idle connection that the server has kept long enough.
		x.close()
		x.reading = false
		return nil
	}
	if err != nil || len(b) == 0 {
		return err
	}
	if len(x.partial) > 0 {
		b = append(x.partial, b...)
		x.partial = nil
	}
	body, complete, err := parseResponse(b)
	if err != nil {
		return err
	}
	if !complete {
		x.partial = bytes.Clone(b)
		return nil
	}
	x.busy = false
	return x.done(body)
}

// parseResponse returns the body of an HTTP response, if b holds all of it.
func parseResponse(b []byte) (body []byte, complete bool, err error) {
	header, after, ok := bytes.Cut(b, headerEnd)
	if !ok {
		return nil, false, nil
	}
	if !bytes.HasPrefix(header, []byte("HTTP/1.1 200 ")) {
		return nil, false, fmt.Errorf("request answered with %.60q", b)
	}
	length := -1
	for line := range bytes.SplitSeq(header, []byte("\r\n")) {
		const name = "content-length: "
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			length = number(line[len(name):])
		}
	}
	if length < 0 {
		return nil, false, fmt.Errorf("answer without a length: %q", header)
	}
	body = after
	return body, len(body) >= length, nil
}
