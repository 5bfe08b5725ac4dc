//go:build unix

// Floor is a bare WebSocket server in Go that copies bytes encoded in advance.
// It shows the cost without everything that Socket.IO adds, and implements just
// enough of the protocol for the load generator.
//
// Its connections wait for readability without a buffer, answer all messages of
// one read with one write, and use the socket directly. The emitter writes
// broadcasts; with -writers, each connection has a goroutine that writes all
// queued messages. It makes ordinary Go system calls, or with -direct the same as
// our server.
package main

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/seed96b07ef8/socketio/bench/internal/frame"
	"github.com/seed96b07ef8/socketio/bench/internal/proc"
)

// The system calls for reading and writing. Those that are direct do not wait, so
// that writing need not begin with getting ready for that.
var (
	read   = syscall.Read
	write  = syscall.Write
	direct bool
)

const news = `42["news",{"id":4711,"from":"somebody","room":"general","text":"the quick brown fox jumps over the lazy dog, and once more for it, again"}]`

var (
	newsFrame = frame.Append(nil, frame.Text, news)
	openFrame = frame.Append(nil, frame.Text, `0{"sid":"00000000000000000000","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`)
	joinFrame = frame.Append(nil, frame.Text, `40{"sid":"00000000000000000000"}`)
	echoes    [64][]byte // by the acknowledgement's ID
	joined    [64][]byte
	binaries  [64][]byte
)

func main() {
	writers := flag.Bool("writers", false, "a goroutine per connection writes broadcasts")
	wanted := flag.Bool("direct", false, "make system calls that do not wait without telling Go's runtime, where it can be done")
	flag.Parse()
	if *wanted {
		useDirect()
	}
	for id := range echoes {
		echoes[id] = frame.Append(nil, frame.Text, fmt.Sprintf(`43%d[{"msg":"hello","n":1}]`, id))
		joined[id] = frame.Append(nil, frame.Text, fmt.Sprintf(`43%d[]`, id))
		binaries[id] = frame.Append(nil, frame.Text, fmt.Sprintf(`461-%d[{"_placeholder":true,"num":0}]`, id))
	}
	s := &server{writers: *writers, conns: make(map[*conn]struct{}), rooms: make(map[string][]*conn)}

	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(l, s)) }() // until the process ends
	fmt.Println("listening", l.Addr().(*net.TCPAddr).Port)
	proc.Serve(nil)
}

type server struct {
	writers  bool
	sessions sync.Map // of polling clients

	mu    sync.RWMutex
	conns map[*conn]struct{}
	rooms map[string][]*conn
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		s.poll(w, r)
		return
	}
	nc, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		nc.Close()
		return
	}
	c := &conn{server: s, nc: nc, raw: raw, binary: -1}
	c.try = c.tryWrite
	c.once = func(fd uintptr) { c.tryWrite(fd) }
	c.write(append([]byte(answer), openFrame...))
	if s.writers {
		c.queue = make(chan []byte, 256)
		go c.writeLoop() // ends when the reading does
	}
	go c.readLoop() // a fresh goroutine: net/http's has a grown stack
}

type conn struct {
	server  *server
	nc      net.Conn
	raw     syscall.RawConn
	queue   chan []byte // of a connection with a writer
	partial []byte
	binary  int // the ID of the event whose attachment is to come, or -1

	large      *[]byte // a large frame, of which have of need bytes are there
	have, need int

	writing sync.Mutex
	rest    []byte                // what write has to send yet
	try     func(fd uintptr) bool // tryWrite
	once    func(fd uintptr)      // the same, for a single attempt
}

// The buffers of reads and of replies, and those of large frames, each of which
// is read into one buffer.
var (
	buffers = sync.Pool{New: func() any {
		b := make([]byte, 16<<10)
		return &b
	}}
	largeBuffers = sync.Pool{New: func() any {
		b := make([]byte, 128<<10)
		return &b
	}}
)

func (c *conn) readLoop() {
	defer c.close()
	var buf *[]byte
	var got []byte
	var err error
	read := func(fd uintptr) bool {
		var space []byte
		if c.large != nil {
			space = (*c.large)[c.have:c.need]
		} else {
			buf = buffers.Get().(*[]byte)
			space = *buf
		}
		var n int
		n, err = read(int(fd), space)
		if err == syscall.EAGAIN {
			if c.large == nil {
				buffers.Put(buf)
			}
			return false
		}
		if err == nil && n == 0 {
			err = io.EOF
		}
		got = space[:max(n, 0)]
		return true
	}
	for {
		if c.raw.Read(read) != nil || err != nil {
			return
		}
		if c.large != nil {
			if c.have += len(got); c.have < c.need {
				continue
			}
			buf, got = c.large, (*c.large)[:c.need]
			c.large = nil
			err = c.feed(got)
			largeBuffers.Put(buf)
		} else {
			err = c.feed(got)
			buffers.Put(buf)
		}
		if err != nil {
			return
		}
	}
}

// feed handles the frames in b, and answers them all at once.
func (c *conn) feed(b []byte) error {
	if len(c.partial) > 0 {
		c.partial = append(c.partial, b...)
		b = c.partial
	}
	reply := buffers.Get().(*[]byte)
	defer buffers.Put(reply)
	out := (*reply)[:0]
	var h frame.Header
	var ok bool
	for {
		h, ok = frame.Parse(b)
		if !ok || len(b) < h.Size+h.Length {
			break
		}
		payload := b[h.Size : h.Size+h.Length]
		frame.Mask(payload, h.Mask, 0)
		b = b[h.Size+h.Length:]
		switch {
		case h.Op == frame.Text:
			out = c.text(out, payload)
		case h.Op == frame.Close:
			return io.EOF
		case h.Op == frame.Binary && c.binary >= 0:
			out = append(out, binaries[c.binary]...)
			out = frame.AppendHeader(out, frame.Binary, len(payload))
			c.binary = -1
			if len(payload) > cap(out)-len(out) {
				c.write(out)
				c.write(payload)
				out = out[:0]
			} else {
				out = append(out, payload...)
			}
		}
	}
	if len(out) > 0 {
		c.write(out)
	}
	switch {
	case ok && h.Size+h.Length > cap(*reply):
		c.large = largeBuffers.Get().(*[]byte)
		if c.need = h.Size + h.Length; c.need > len(*c.large) {
			return errTooLarge
		}
		c.have = copy(*c.large, b)
		c.partial = nil
	case len(b) == 0:
		c.partial = nil
	default:
		c.partial = append(c.partial[:0], b...)
	}
	return nil
}

var errTooLarge = errors.New("frame too large")

// text handles a Socket.IO packet by looking at as few bytes of it as possible.
func (c *conn) text(out, p []byte) []byte {
	if len(p) < 2 || p[0] != '4' {
		return out
	}
	switch p[1] {
	case '0':
		s := c.server
		s.mu.Lock()
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		return append(out, joinFrame...)
	case '5':
		c.binary, _ = number(p[4:]) // 451-<id>[
		return out
	}
	id, event := number(p[2:])
	switch {
	case len(event) < 8:
	case event[2] == 'e':
		return append(out, echoes[id]...)
	case event[2] == 'j':
		c.server.join(c, string(event[9:len(event)-2]))
		return append(out, joined[id]...)
	case event[3] == 'c':
		c.server.broadcast(1)
	case event[2] == 'r':
		c.server.emit(string(event[9 : len(event)-2]))
	case event[3] == 'u':
		n, _ := number(event[9:])
		c.server.broadcast(n)
	}
	return out
}

func number(p []byte) (n int, rest []byte) {
	for len(p) > 0 && '0' <= p[0] && p[0] <= '9' {
		n = n*10 + int(p[0]-'0')
		p = p[1:]
	}
	return n, p
}

func (s *server) join(c *conn, room string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rooms[room] = append(s.rooms[room], c)
}

func (s *server) broadcast(n int) {
	for range n {
		s.mu.RLock()
		for c := range s.conns {
			c.send(newsFrame)
		}
		s.mu.RUnlock()
	}
}

func (s *server) emit(room string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, c := range s.rooms[room] {
		c.send(newsFrame)
	}
}

func (c *conn) send(b []byte) {
	if c.queue != nil {
		c.queue <- b
		return
	}
	c.write(b)
}

// writeLoop sends what gathers in the queue.
func (c *conn) writeLoop() {
	var gathered []byte
	for b := range c.queue {
		if len(c.queue) > 0 {
			gathered = append(gathered[:0], b...)
			for range len(c.queue) {
				gathered = append(gathered, <-c.queue...)
			}
			b = gathered
		}
		c.write(b)
	}
}

// write sends b, without waiting when the socket takes it.
func (c *conn) write(b []byte) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.rest = b
	if direct {
		_ = c.raw.Control(c.once) // what is left is written below
	}
	if len(c.rest) > 0 {
		_ = c.raw.Write(c.try) // the reader notices a closed connection
	}
	c.rest = nil
}

func (c *conn) tryWrite(fd uintptr) bool {
	for len(c.rest) > 0 {
		n, err := write(int(fd), c.rest)
		if err != nil {
			return err != syscall.EAGAIN
		}
		c.rest = c.rest[n:]
	}
	return true
}

func (c *conn) close() {
	c.nc.Close()
	s := c.server
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// poll serves polling clients: an answer waits for its request, that is all.
func (s *server) poll(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	sid := q.Get("sid")
	if sid == "" {
		sid = strconv.FormatUint(sequence.Add(1), 10)
		s.sessions.Store(sid, make(chan int, 4))
		answer(w, fmt.Sprintf(`0{"sid":%q,"upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`, sid))
		return
	}
	v, ok := s.sessions.Load(sid)
	if !ok {
		http.Error(w, "unknown session", http.StatusBadRequest)
		return
	}
	messages := v.(chan int)
	if r.Method == http.MethodPost {
		buf := buffers.Get().(*[]byte)
		n, _ := io.ReadFull(r.Body, *buf)
		id := -1
		if n > 2 && (*buf)[1] == '2' {
			id, _ = number((*buf)[2:n])
		}
		buffers.Put(buf)
		messages <- id
		answer(w, "ok")
		return
	}
	select {
	case id := <-messages:
		if id < 0 {
			answer(w, `40{"sid":"00000000000000000000"}`)
		} else {
			answer(w, string(echoes[id][2:])) // without the header of its frame
		}
	case <-r.Context().Done():
	}
}

func answer(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = io.WriteString(w, body) // ignore clients that have disconnected
}

var sequence atomic.Uint64
