package nodewire

import (
	"errors"
	"fmt"

	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/internal/msgpack"
	"github.com/seed96b07ef8/socketio/parser"
)

// Classic is the codec of the classic Redis adapter. Its form of a broadcast, a request and an answer
// differ so much that Classic recognizes them without the name of the channel.
//
// Only broadcasts name their namespace. Binary data in a ServerSideEmit or its answer becomes what
// JSON.stringify makes of a Buffer, as in the reference implementation. It has no heartbeats;
// Classic writes them as requests of types that it ignores. To an answer Classic adds the member
// "from", which has the Sender and is ignored, too.
var Classic cluster.Codec = classic{}

type classic struct{}

// The types of the adapter's requests and answers.
const (
	classicSockets = iota
	classicAllRooms
	classicJoin
	classicLeave
	classicDisconnect
	classicFetch
	classicServerSideEmit
	classicBroadcast
	classicClientCount
	classicAck
)

// classicHeartbeat plus the Kind is the type of the requests that Classic writes for
// heartbeats.
const classicHeartbeat = 100

// Append implements cluster.Codec.
func (classic) Append(dst []byte, m *cluster.Message) ([]byte, error) {
	if err := validate(m); err != nil {
		return nil, err
	}
	isPack := m.Kind == cluster.Broadcast || m.Kind == cluster.BroadcastAck
	w := writer{dst: dst, json: !isPack, flavor: msgpack.Notepack}
	switch {
	case m.Kind == cluster.Broadcast && m.RequestID == "":
		w.classicBroadcast(m)
	case m.Kind.Answer():
		w.classicAnswer(m)
	default:
		w.classicRequest(m)
	}
	if w.err != nil {
		return nil, w.err
	}
	return w.dst, nil
}

func (w *writer) classicBroadcast(m *cluster.Message) {
	w.array(3)
	w.text(m.Sender)
	w.packet(m, m.Namespace)
	if m.Sender != cluster.Emitter {
		w.target(m, true)
		return
	}
	w.object(3)
	w.name("rooms")
	w.list(m.Target.Rooms)
	w.name("flags")
	w.flags(m)
	w.name("except")
	w.list(m.Target.Except)
}

// classicRequest writes a request. Commands of an emitter have no uid.
func (w *writer) classicRequest(m *cluster.Message) {
	isCommand := m.Kind == cluster.SocketsJoin || m.Kind == cluster.SocketsLeave || m.Kind == cluster.DisconnectSockets
	w.object(5) // as MessagePack, it is a broadcast
	if !isCommand || m.Sender != cluster.Emitter && m.Sender != "" {
		w.name("uid")
		w.text(m.Sender)
	}
	if !isCommand {
		w.requestID(m)
	}
	w.name("type")
	switch m.Kind {
	case cluster.Broadcast:
		w.number(classicBroadcast)
		w.name("packet")
		w.packet(m, m.Namespace)
		w.name("opts")
		w.target(m, true)
	case cluster.SocketsJoin, cluster.SocketsLeave:
		w.number(classicJoin + int64(m.Kind-cluster.SocketsJoin))
		w.name("opts")
		w.target(m, false)
		w.name("rooms")
		w.list(m.Rooms)
	case cluster.DisconnectSockets:
		w.number(classicDisconnect)
		w.name("opts")
		w.target(m, false)
		w.name("close")
		w.boolean(m.CloseConn)
	case cluster.FetchSockets:
		w.number(classicFetch)
		w.name("opts")
		w.target(m, false)
	case cluster.ServerSideEmit:
		w.number(classicServerSideEmit)
		w.name("data")
		w.value(plain(m.Body), nil)
	case cluster.ListSockets:
		w.number(classicSockets)
		w.name("rooms")
		w.list(m.Target.Rooms)
	case cluster.ListRooms:
		w.number(classicAllRooms)
	default:
		w.number(classicHeartbeat + int64(m.Kind))
	}
	w.endObject()
}

// classicAnswer writes an answer. Most have no type.
func (w *writer) classicAnswer(m *cluster.Message) {
	var result []byte
	if m.Kind == cluster.ServerSideEmitResponse || m.Kind == cluster.BroadcastAck {
		result = w.result(m.Body)
	}
	w.object(2 + count(result != nil) + count(m.Sender != "")) // as MessagePack, it is an acknowledgement
	switch m.Kind {
	case cluster.ServerSideEmitResponse:
		w.name("type")
		w.number(classicServerSideEmit)
	case cluster.BroadcastClientCount:
		w.name("type")
		w.number(classicClientCount)
	case cluster.BroadcastAck:
		w.name("type")
		w.number(classicAck)
	}
	w.requestID(m)
	switch m.Kind {
	case cluster.FetchSocketsResponse:
		w.name("sockets")
		w.sockets(m.Sockets)
	case cluster.ListSocketsResponse:
		w.name("sockets")
		w.list(m.Rooms)
	case cluster.ListRoomsResponse:
		w.name("rooms")
		w.list(m.Rooms)
	case cluster.BroadcastClientCount:
		w.name("clientCount")
		w.number(int64(m.ClientCount))
	case cluster.ServerSideEmitResponse:
		if result != nil {
			w.name("data")
			w.value(plain(parser.Body{JSON: result, Attachments: m.Body.Attachments}), nil)
		}
	case cluster.BroadcastAck:
		if result != nil {
			w.name("packet")
			w.value(result, m.Body.Attachments)
		}
	}
	if m.Sender != "" {
		w.name("from")
		w.text(m.Sender)
	}
	w.endObject()
}

// Header implements cluster.Codec.
func (classic) Header(h *cluster.Header, wire []byte, lim cluster.Limits) error {
	_, err := readClassic(h, wire, lim.OrDefaults())
	return err
}

// Decode implements cluster.Codec.
func (classic) Decode(wire []byte, lim cluster.Limits) (*cluster.Message, error) {
	lim = lim.OrDefaults()
	e, err := readClassic(new(cluster.Header), wire, lim)
	if err != nil {
		return nil, err
	}
	return e.message(lim)
}

func readClassic(h *cluster.Header, wire []byte, lim cluster.Limits) (envelope, error) {
	h.Reset()
	c := newCursor(wire, lim, h.Buffer)
	e := envelope{Header: h, json: c.json}
	isBroadcast := false
	if !c.json {
		t, _, err := msgpack.Next(wire, 0)
		isBroadcast = err == nil && t.Kind == msgpack.Array
	}
	if isBroadcast {
		e.readClassicBroadcast(&c, lim)
		h.Buffer = c.buf
		return e, c.err
	}
	return e, e.readClassicRequest(&c, lim)
}

var errClassicArray = malformed(errors.New("want an array of three elements"))

func (e *envelope) readClassicBroadcast(c *cursor, lim cluster.Limits) {
	e.Kind = cluster.Broadcast
	s := c.array()
	if c.err == nil && s.left != 3 {
		c.fail(errClassicArray)
	}
	if c.element(&s) {
		e.Sender = c.text()
	}
	if c.element(&s) {
		e.eventPacket = readPacket(c)
	}
	if c.element(&s) {
		e.readTarget(c, lim)
	}
	c.end()
	if e.Namespace = e.nsp; len(e.nsp) == 0 {
		e.Namespace = []byte("/") // as in the reference implementation
	}
}

// readClassicRequest reads a request or an answer.
func (e *envelope) readClassicRequest(c *cursor, lim cluster.Limits) error {
	var socket, room []byte
	for s := c.object(); ; {
		name, ok := c.member(&s)
		if !ok {
			break
		}
		switch string(name) {
		case "type":
			e.readType(c)
		case "uid":
			e.Sender, e.hasUID = c.text(), true
		case "from":
			if from := c.text(); !e.hasUID {
				e.Sender = from
			}
		case "data":
			e.packet = c.raw()
		case "sid":
			socket = c.raw()
		case "room":
			room = c.raw()
		default:
			e.readMember(c, name, lim)
		}
	}
	c.end()
	e.Buffer = c.buf
	if c.err != nil {
		return c.err
	}
	if err := e.setClassicKind(lim); err != nil {
		return err
	}
	if socket != nil && !e.hasTarget {
		return e.readOldCommand(socket, room, lim)
	}
	return e.checkTarget()
}

// setClassicKind says what a request or answer is.
func (e *envelope) setClassicKind(lim cluster.Limits) error {
	if !e.hasCode {
		return e.setAnswerKind()
	}
	switch e.code {
	case classicSockets:
		e.Kind = cluster.ListSockets
		if e.rooms == nil {
			return errNoTarget
		}
		c := e.cursorOf(e.rooms, lim)
		c.buf = e.Buffer
		e.Rooms = readNames(&c, e.Rooms[:0], lim.Rooms)
		e.Buffer = c.buf
		return c.err
	case classicAllRooms:
		e.Kind = cluster.ListRooms
	case classicJoin, classicLeave, classicDisconnect:
		e.Kind = cluster.SocketsJoin + cluster.Kind(e.code-classicJoin)
	case classicFetch:
		e.Kind = cluster.FetchSockets
	case classicServerSideEmit:
		// Requests have a uid, and answers do not.
		if e.Kind = cluster.ServerSideEmitResponse; e.hasUID {
			e.Kind = cluster.ServerSideEmit
		}
	case classicBroadcast:
		e.Kind = cluster.Broadcast
	case classicClientCount:
		e.Kind = cluster.BroadcastClientCount
	case classicAck:
		e.Kind = cluster.BroadcastAck
	case classicHeartbeat + int64(cluster.InitialHeartbeat), classicHeartbeat + int64(cluster.Heartbeat), classicHeartbeat + int64(cluster.AdapterClose):
		e.Kind = cluster.Kind(e.code - classicHeartbeat)
	default:
		return fmt.Errorf("%w: type %d", cluster.ErrUnknown, e.code)
	}
	return nil
}

// setAnswerKind says what an answer without a type is.
func (e *envelope) setAnswerKind() error {
	switch {
	case len(e.RequestID) == 0:
		return errNoType
	case e.sockets != nil:
		e.Kind = cluster.FetchSocketsResponse
		// Old members were asked for IDs only.
		c := cursor{data: e.sockets, json: e.json}
		if s := c.array(); c.element(&s) && c.isText() {
			e.Kind = cluster.ListSocketsResponse
		}
	case e.rooms != nil:
		e.Kind = cluster.ListRoomsResponse
	default:
		e.Kind = cluster.Applied
	}
	return nil
}

// isText reports whether the next value is a text.
func (c *cursor) isText() bool {
	if c.json {
		return c.i < len(c.data) && c.data[c.i] == '"'
	}
	t, _, err := msgpack.Next(c.data, c.i)
	return err == nil && t.Kind == msgpack.String
}

// readOldCommand reads the form of commands before version 7 of the adapter: they are for one
// socket, and one room.
func (e *envelope) readOldCommand(socket, room []byte, lim cluster.Limits) error {
	switch e.Kind {
	case cluster.SocketsJoin, cluster.SocketsLeave:
		if room == nil {
			return errNoTarget
		}
		e.oneRoom = room
	case cluster.DisconnectSockets:
	default:
		return e.checkTarget()
	}
	c := e.cursorOf(socket, lim)
	c.buf = e.Buffer
	e.Rooms = append(e.Rooms[:0], c.name())
	e.Buffer = c.buf
	return c.err
}
