package nodewire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/msgpack"
	"github.com/seed96b07ef8/socketio/parser"
)

var (
	errPacket      = malformed(errors.New("not an event packet"))
	errBody        = malformed(errors.New("arguments are not an array"))
	errAttachments = fmt.Errorf("%w: number of attachments", cluster.ErrLimit)
	errSockets     = fmt.Errorf("%w: number of sockets", cluster.ErrLimit)
)

// message makes a Message of an envelope that has a Kind.
func (e *envelope) message(lim cluster.Limits) (*cluster.Message, error) {
	m := &cluster.Message{
		Kind:      e.Kind,
		Sender:    string(e.Sender),
		Namespace: string(e.Namespace),
		RequestID: string(e.RequestID),
		Seq:       e.Seq,
	}
	m.Target.Rooms, m.Target.Except = stringsOf(e.Rooms), stringsOf(e.Except)
	err := e.content(m, lim)
	if err == nil {
		err = m.Validate()
	}
	switch {
	case err == nil:
		return m, nil
	case errors.Is(err, cluster.ErrInvalid):
		return nil, malformed(err)
	}
	return nil, err
}

// content reads the raw values that the kind of message needs.
func (e *envelope) content(m *cluster.Message, lim cluster.Limits) (err error) {
	switch e.Kind {
	case cluster.Broadcast:
		err = e.event(m, lim)
	case cluster.ServerSideEmit:
		m.Body, err = e.body(e.packet, lim)
	case cluster.ServerSideEmitResponse, cluster.BroadcastAck:
		m.Body, err = e.result(lim)
	case cluster.SocketsJoin, cluster.SocketsLeave:
		if e.oneRoom != nil {
			c := e.cursorOf(e.oneRoom, lim)
			m.Rooms = []string{string(c.name())}
			return c.err
		}
		m.Rooms, err = e.names(e.rooms, lim.Rooms)
	case cluster.ListRoomsResponse:
		m.Rooms, err = e.names(e.rooms, 10*lim.Sockets)
	case cluster.ListSocketsResponse:
		m.Rooms, err = e.names(e.sockets, lim.Sockets)
	case cluster.FetchSocketsResponse:
		m.Sockets, err = e.socketList(lim)
	case cluster.DisconnectSockets:
		m.CloseConn = e.closeConn
	case cluster.BroadcastClientCount:
		m.ClientCount = int(min(e.clientCount, math.MaxInt32))
	}
	return err
}

func stringsOf(list [][]byte) []string {
	if len(list) == 0 {
		return nil
	}
	s := make([]string, len(list))
	for i, b := range list {
		s[i] = string(b)
	}
	return s
}

// cursorOf returns a cursor for one of the raw values.
func (e *envelope) cursorOf(raw []byte, lim cluster.Limits) cursor {
	return cursor{data: raw, json: e.json, depth: lim.Depth + 1}
}

// An eventPacket is the packet of a broadcast.
type eventPacket struct {
	typ   int64
	data  []byte // raw
	nsp   []byte
	id    int64
	hasID bool
}

// readPacket reads the packet of a broadcast.
func readPacket(c *cursor) (p eventPacket) {
	for s := c.object(); ; {
		name, ok := c.member(&s)
		if !ok {
			return p
		}
		switch string(name) {
		case "type":
			p.typ = c.integer()
		case "data":
			p.data = c.raw()
		case "nsp":
			p.nsp = c.text()
		case "id":
			if !c.null() {
				p.id, p.hasID = c.integer(), true
			}
		default:
			c.raw()
		}
	}
}

// event reads the packet of a broadcast into m.
func (e *envelope) event(m *cluster.Message, lim cluster.Limits) (err error) {
	// Members of the reference implementation send Event, from which the client's packet is
	// made; BinaryEvent is the same (protocol v5, "Packet types").
	const (
		event       = 2
		binaryEvent = 5
	)
	p := e.eventPacket
	if e.packet != nil {
		c := e.cursorOf(e.packet, lim)
		if p = readPacket(&c); c.err != nil {
			return c.err
		}
	}
	if p.typ != event && p.typ != binaryEvent || p.id < 0 {
		return errPacket
	}
	if p.hasID && m.RequestID == "" { // with one, each receiver uses an ID of its own
		m.AckID, m.HasAckID = uint64(p.id), true
	}
	m.Timeout = time.Duration(e.timeout) * time.Millisecond
	if e.volatile {
		m.Flags |= engine.Volatile
	}
	if e.noCompress {
		m.Flags |= engine.NoCompress
	}
	m.Body, err = e.body(p.data, lim)
	return err
}

// body makes a Body of an array.
func (e *envelope) body(raw []byte, lim cluster.Limits) (parser.Body, error) {
	if e.json {
		if len(raw) == 0 || raw[0] != '[' {
			return parser.Body{}, errBody
		}
		return parser.Body{JSON: validText(raw)}, nil
	}
	t, _, err := msgpack.Next(raw, 0)
	if err != nil || t.Kind != msgpack.Array {
		return parser.Body{}, errBody
	}
	return appendText(nil, raw, lim)
}

// result makes a Body of one value, which may be absent.
func (e *envelope) result(lim cluster.Limits) (parser.Body, error) {
	switch {
	case e.packet == nil:
		return parser.Body{JSON: []byte("[]")}, nil
	case e.json:
		text := validText(e.packet)
		body := append(make([]byte, 0, len(text)+2), '[')
		return parser.Body{JSON: append(append(body, text...), ']')}, nil
	}
	body, err := appendText([]byte{'['}, e.packet, lim)
	body.JSON = append(body.JSON, ']')
	return body, err
}

// appendText appends MessagePack as JSON text with attachments.
func appendText(dst, raw []byte, lim cluster.Limits) (parser.Body, error) {
	x := msgpack.Text{Attach: true, MaxAttachments: lim.Attachments}
	text, _, err := x.Append(dst, raw, 0, lim.Depth+1)
	return parser.Body{JSON: text, Attachments: x.Attachments}, textError(err)
}

func textError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, msgpack.ErrTooMany):
		return errAttachments
	case errors.Is(err, msgpack.ErrTooDeep):
		return errDepth
	}
	return malformed(err)
}

// validText mends text that is not UTF-8. Clients close the connection when they receive it.
func validText(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	return bytes.ToValidUTF8(text, []byte("\ufffd"))
}

// names reads a list of names.
func (e *envelope) names(raw []byte, most int) ([]string, error) {
	if raw == nil {
		return nil, nil
	}
	c := cursor{data: raw, json: e.json}
	names := c.names(most)
	return names, c.err
}

// names reads a list of names.
func (c *cursor) names(most int) (names []string) {
	for s := c.array(); c.element(&s); {
		if len(names) >= most {
			c.fail(errRoomLimit)
			return nil
		}
		names = append(names, string(c.name()))
		c.buf = c.buf[:0]
	}
	return names
}

// socketList reads descriptions of sockets.
func (e *envelope) socketList(lim cluster.Limits) ([]cluster.Socket, error) {
	if e.sockets == nil {
		return nil, malformed(errors.New("no sockets"))
	}
	var sockets []cluster.Socket
	rooms := 10 * lim.Sockets // the names of empty rooms are larger in memory than on the wire
	c := e.cursorOf(e.sockets, lim)
	for s := c.array(); c.element(&s); {
		if len(sockets) >= lim.Sockets {
			c.fail(errSockets)
			break
		}
		socket := e.socket(&c, min(rooms, lim.Rooms))
		rooms -= len(socket.Rooms)
		sockets = append(sockets, socket)
	}
	return sockets, c.err
}

func (e *envelope) socket(c *cursor, mostRooms int) (socket cluster.Socket) {
	for s := c.object(); ; {
		name, ok := c.member(&s)
		if !ok {
			return socket
		}
		switch string(name) {
		case "id":
			socket.ID = string(c.name())
		case "handshake":
			socket.Handshake = e.text(c)
		case "rooms":
			if !c.null() {
				socket.Rooms = c.names(mostRooms)
			}
		case "data":
			socket.Data = e.text(c)
		default:
			c.raw()
		}
	}
}

// text reads any value as JSON text, in which binary data is base64 text.
func (e *envelope) text(c *cursor) json.RawMessage {
	if c.null() {
		return nil
	}
	raw := c.raw()
	if c.err != nil {
		return nil
	}
	if e.json {
		return validText(raw)
	}
	text, _, err := new(msgpack.Text).Append(nil, raw, 0, c.depth)
	if err != nil {
		c.fail(textError(err))
	}
	return text
}
