package nodewire

import (
	"errors"
	"fmt"

	"github.com/seed96b07ef8/socketio/adapter/cluster"
)

// An envelope is what the members of a message say, before its kind gives them a meaning. The raw
// values are valid, and nil if absent.
type envelope struct {
	*cluster.Header
	code    int64 // the member type
	hasCode bool
	hasUID  bool
	json    bool // of the raw values

	packet  []byte // of the bus's members packet and, in requests of the classic adapter, data
	rooms   []byte
	oneRoom []byte // of old commands of the classic adapter
	sockets []byte
	// A classic broadcast has its packet here instead.
	eventPacket

	hasTarget   bool
	volatile    bool
	noCompress  bool
	timeout     int64
	closeConn   bool
	clientCount int64
}

var (
	errRoomLimit = fmt.Errorf("%w: number of rooms", cluster.ErrLimit)
	errSizeLimit = fmt.Errorf("%w: size", cluster.ErrLimit)
	errNoType    = malformed(errors.New("no type"))
	errNoTarget  = malformed(errors.New("no target"))
)

// newCursor returns a cursor for a wire whose first byte says whether it is JSON. The depth is that
// of a packet, in which the array of the arguments is nested.
func newCursor(wire []byte, lim cluster.Limits, buf []byte) cursor {
	c := cursor{data: wire, json: len(wire) > 0 && wire[0] == '{', depth: lim.Depth + 2, buf: buf}
	if len(wire) > lim.Bytes {
		c.fail(errSizeLimit)
	}
	return c
}

// readMessage reads a message of the form that the adapters other than the classic one share:
// an object with type, data, uid and nsp.
func (e *envelope) readMessage(c *cursor, lim cluster.Limits) {
	for s := c.object(); ; {
		name, ok := c.member(&s)
		if !ok {
			break
		}
		switch string(name) {
		case "type":
			e.readType(c)
		case "uid":
			e.Sender = c.text()
		case "nsp":
			e.Namespace = c.text()
		case "data":
			if !c.null() {
				e.readData(c, lim)
			}
		default:
			c.raw()
		}
	}
	c.end()
}

func (e *envelope) readType(c *cursor) {
	if !c.null() {
		e.code, e.hasCode = c.integer(), true
	}
}

// readData reads the member data of a message.
func (e *envelope) readData(c *cursor, lim cluster.Limits) {
	for s := c.object(); ; {
		name, ok := c.member(&s)
		if !ok {
			return
		}
		e.readMember(c, name, lim)
	}
}

// readMember reads the value of a member of data, or of a message of the classic adapter.
func (e *envelope) readMember(c *cursor, name []byte, lim cluster.Limits) {
	switch string(name) {
	case "packet":
		e.packet = c.raw()
	case "requestId":
		e.RequestID = c.text()
	case "opts":
		if !c.null() {
			e.readTarget(c, lim)
		}
	case "rooms":
		if !c.null() {
			e.rooms = c.raw()
		}
	case "close":
		e.closeConn = c.isTrue()
	case "clientCount":
		e.clientCount = c.integer()
	case "sockets":
		if !c.null() {
			e.sockets = c.raw()
		}
	default:
		c.raw()
	}
}

// readTarget reads the member opts.
func (e *envelope) readTarget(c *cursor, lim cluster.Limits) {
	e.hasTarget = true
	for s := c.object(); ; {
		name, ok := c.member(&s)
		if !ok {
			return
		}
		switch string(name) {
		case "rooms":
			e.Rooms = readNames(c, e.Rooms[:0], lim.Rooms)
		case "except":
			e.Except = readNames(c, e.Except[:0], lim.Rooms)
		case "flags":
			if !c.null() {
				e.readFlags(c)
			}
		default:
			c.raw()
		}
	}
}

// readNames appends the names of rooms.
func readNames(c *cursor, names [][]byte, most int) [][]byte {
	if c.null() {
		return names
	}
	for s := c.array(); c.element(&s); {
		if len(names) >= most {
			c.fail(errRoomLimit)
			break
		}
		names = append(names, c.name())
	}
	return names
}

func (e *envelope) readFlags(c *cursor) {
	for s := c.object(); ; {
		name, ok := c.member(&s)
		if !ok {
			return
		}
		switch string(name) {
		case "volatile":
			e.volatile = c.isTrue()
		case "compress":
			e.noCompress = c.isFalse()
		case "timeout":
			e.timeout = c.milliseconds()
		default:
			c.raw()
		}
	}
}

// setKind gives the type of a message its meaning.
func (e *envelope) setKind() error {
	if !e.hasCode {
		return errNoType
	}
	if e.code < int64(cluster.InitialHeartbeat) || e.code > int64(cluster.AdapterClose) {
		return fmt.Errorf("%w: type %d", cluster.ErrUnknown, e.code)
	}
	e.Kind = cluster.Kind(e.code)
	return e.checkTarget()
}

// checkTarget refuses commands for sockets that do not say which: they would concern all. It
// clears what the kind of message does not have.
func (e *envelope) checkTarget() error {
	switch e.Kind {
	case cluster.Broadcast, cluster.SocketsJoin, cluster.SocketsLeave, cluster.DisconnectSockets, cluster.FetchSockets:
		if !e.hasTarget {
			return errNoTarget
		}
	case cluster.ListSockets:
	case cluster.InitialHeartbeat, cluster.Heartbeat, cluster.AdapterClose:
		e.RequestID = nil
		fallthrough
	default:
		e.Rooms, e.Except = e.Rooms[:0], e.Except[:0]
	}
	return nil
}
