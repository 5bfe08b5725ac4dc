package socketiotest

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/parser"
)

// A conn is a connection with the clients of its namespaces.
type conn struct {
	transport transport
	codec     parser.Codec
	done      chan struct{}  // closed when the connection has ended
	pongs     sync.WaitGroup // the goroutines that answer heartbeats

	mu      sync.Mutex // guards what follows
	clients map[string]*Client
	hanging bool          // heartbeats are not answered
	stopped chan struct{} // closed when reading may go on; nil: it does
	err     error         // why the connection has ended
}

var errNoServer = errors.New("the server is nil")

// open connects. It returns when the handshake is done.
func open(s *Server, o *ClientOptions) (*conn, error) {
	if s == nil {
		return nil, errNoServer
	}
	t, err := dial(s, o)
	if err != nil {
		return nil, err
	}
	c := &conn{transport: t, codec: o.Codec, done: make(chan struct{}), clients: make(map[string]*Client)}
	tooLate := time.AfterFunc(o.Timeout, t.close)
	first, err := t.receive()
	if !tooLate.Stop() && err != nil {
		err = fmt.Errorf("no handshake within %v: %w", o.Timeout, err)
	}
	if err == nil && (first.binary || len(first.data) == 0 || first.data[0] != '0') {
		err = fmt.Errorf("the first packet is %q, not a handshake", first.data)
	}
	if err != nil {
		t.close()
		return nil, err
	}
	go c.read()
	return c, nil
}

// read receives packets until the connection ends.
func (c *conn) read() {
	defer close(c.done)
	decoder := c.codec.NewDecoder(parser.Limits{MaxAttachments: 1 << 16, MaxDepth: 10_000, MaxEventName: 1 << 20, MaxArguments: 1 << 20})
	for {
		c.awaitReading()
		p, err := c.transport.receive()
		if err == nil {
			err = c.received(decoder, p)
		}
		if err != nil {
			c.end(err)
			return
		}
	}
}

// stopReading makes read block before the next packet.
func (c *conn) stopReading() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped == nil && c.err == nil {
		c.stopped = make(chan struct{})
	}
}

// resumeReading undoes stopReading.
func (c *conn) resumeReading() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resume()
}

// resume lets read continue. The caller holds mu.
func (c *conn) resume() {
	if c.stopped != nil {
		close(c.stopped)
		c.stopped = nil
	}
}

func (c *conn) awaitReading() {
	c.mu.Lock()
	stopped := c.stopped
	c.mu.Unlock()
	if stopped != nil {
		<-stopped // closed by resumeReading, or the end of the connection
	}
}

var errClosedByServer = errors.New("the server has closed the connection")

func (c *conn) received(decoder parser.Decoder, p packet) error {
	if !p.binary {
		if len(p.data) == 0 {
			return errors.New("an empty packet")
		}
		kind := p.data[0]
		p.data = p.data[1:]
		switch kind {
		case '1':
			return errClosedByServer
		case '2':
			c.pong(p.data)
			return nil
		case '4':
		default:
			return nil
		}
	}
	message, err := decoder.Decode(p.data, p.binary)
	if err != nil {
		return fmt.Errorf("the server violates the protocol: %w", err)
	}
	if message == nil {
		return nil // attachments follow
	}
	c.mu.Lock()
	client := c.clients[message.Namespace]
	c.mu.Unlock()
	if client != nil {
		client.received(message)
	}
	return nil
}

// pong answers a heartbeat. It does not wait for its turn to send: meanwhile the server
// could not write, because the network has no buffers.
func (c *conn) pong(data []byte) {
	c.mu.Lock()
	hanging := c.hanging
	c.mu.Unlock()
	if hanging {
		return
	}
	// Ends with the connection. If sending fails, read has more to deliver before the end.
	c.pongs.Go(func() { _ = c.transport.send(textPacket("3" + string(data))) })
}

// send encodes a message and sends it.
func (c *conn) send(h parser.Header, event string, args []any) error {
	data, attachments, err := c.codec.Append(nil, h, event, args)
	if err != nil {
		return err
	}
	first := packet{data: data, binary: true}
	if !c.codec.Binary() {
		first = textPacket("4" + string(data))
	}
	packets := []packet{first}
	for _, a := range attachments {
		packets = append(packets, packet{data: a, binary: true})
	}
	if err := c.ended(); err != nil {
		return err
	}
	err = c.transport.send(packets...)
	if gone := c.ended(); err != nil && gone != nil {
		return gone
	}
	return err
}

// ended returns why the connection has ended, or nil.
func (c *conn) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// end disconnects the clients, with the client's reason for err.
func (c *conn) end(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = &socketio.DisconnectError{Reason: socketio.TransportClose, Err: err}
	}
	err = c.err
	clients := c.clients
	c.clients = nil
	c.resume()
	c.mu.Unlock()
	for _, client := range clients {
		client.end(err.(*socketio.DisconnectError))
	}
	c.transport.close()
}

// leave removes a client that has left its namespace, and reports whether it was
// the last one.
func (c *conn) leave(client *Client) (last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clients[client.namespace] != client {
		return false
	}
	delete(c.clients, client.namespace)
	return len(c.clients) == 0
}

// hangUp closes the connection in an orderly way: over polling, with a close
// packet (Engine.IO v4, Packet types).
func (c *conn) hangUp() {
	if _, ok := c.transport.(*polling); ok {
		// If that fails, the server notices the end by itself.
		_ = c.transport.send(textPacket("1"))
	}
	c.close()
}

// close closes the connection abruptly.
func (c *conn) close() {
	c.end(net.ErrClosed)
	<-c.done
	c.pongs.Wait()
}

// refusalOf returns the error of a CONNECT_ERROR packet.
func refusalOf(args socketio.Args) *socketio.ConnectError {
	var payload any
	_ = args.DecodeAt(0, &payload) // anything can be decoded into an any
	refused := new(socketio.ConnectError)
	switch p := payload.(type) {
	case string:
		refused.Message = p
	case map[string]any:
		refused.Message, _ = p["message"].(string)
		refused.Data = p["data"]
	}
	return refused
}
