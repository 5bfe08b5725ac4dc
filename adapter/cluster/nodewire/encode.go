package nodewire

import (
	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// message writes a message of the form that the adapters other than the classic one share. The
// order of the members is that of the reference implementation, here and everywhere.
func (w *writer) message(m *cluster.Message) {
	hasData := hasData(m.Kind)
	w.object(3 + count(hasData))
	w.name("type")
	w.number(int64(m.Kind))
	if hasData {
		w.name("data")
		w.data(m)
	}
	w.name("uid")
	w.text(m.Sender)
	w.name("nsp")
	w.text(m.Namespace)
	w.endObject()
}

// count returns the number of members that a condition adds to an object.
func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// hasData reports whether messages of a kind have the member data. Members of the reference
// implementation end when it is missing elsewhere.
func hasData(k cluster.Kind) bool {
	return k != cluster.InitialHeartbeat && k != cluster.Heartbeat && k != cluster.AdapterClose
}

// data writes the member data.
func (w *writer) data(m *cluster.Message) {
	switch m.Kind {
	case cluster.Broadcast:
		w.object(2 + count(m.RequestID != ""))
		w.name("packet")
		w.packet(m, "")
		w.requestID(m)
		w.name("opts")
		w.target(m, true)
	case cluster.SocketsJoin, cluster.SocketsLeave:
		w.object(2)
		w.name("opts")
		w.target(m, true)
		w.name("rooms")
		w.list(m.Rooms)
	case cluster.DisconnectSockets:
		w.object(2)
		w.name("opts")
		w.target(m, true)
		w.name("close")
		w.boolean(m.CloseConn)
	case cluster.FetchSockets:
		w.object(2)
		w.name("opts")
		w.target(m, true)
		w.requestID(m)
	case cluster.FetchSocketsResponse:
		w.object(2)
		w.requestID(m)
		w.name("sockets")
		w.sockets(m.Sockets)
	case cluster.ServerSideEmit:
		w.object(1 + count(m.RequestID != ""))
		w.requestID(m)
		w.name("packet")
		w.value(m.Body.JSON, m.Body.Attachments)
	case cluster.ServerSideEmitResponse, cluster.BroadcastAck:
		value := w.result(m.Body)
		w.object(1 + count(value != nil))
		w.requestID(m)
		if value != nil {
			w.name("packet")
			w.value(value, m.Body.Attachments)
		}
	case cluster.BroadcastClientCount:
		w.object(2)
		w.requestID(m)
		w.name("clientCount")
		w.number(int64(m.ClientCount))
	}
	w.endObject()
}

// result returns the JSON text of the result that a Body has, or nil.
func (w *writer) result(body parser.Body) []byte {
	value, err := result(body)
	if err != nil {
		w.err = err
	}
	return value
}

// requestID writes the member requestId if there is one. It must be absent otherwise: receivers
// compare it with undefined.
func (w *writer) requestID(m *cluster.Message) {
	if m.RequestID != "" {
		w.name("requestId")
		w.text(m.RequestID)
	}
}

// packet writes the packet of a broadcast, with a namespace if nsp is not empty.
func (w *writer) packet(m *cluster.Message, nsp string) {
	hasID := m.HasAckID && m.RequestID == ""
	w.object(2 + count(hasID) + count(nsp != ""))
	w.name("type")
	w.number(2) // Event
	w.name("data")
	w.value(m.Body.JSON, m.Body.Attachments)
	if hasID {
		w.name("id")
		w.number(int64(m.AckID))
	}
	if nsp != "" {
		w.name("nsp")
		w.text(nsp)
	}
	w.endObject()
}

// target writes opts. All members of it are written that any adapter reads, even if they are
// empty: some end when one is missing.
func (w *writer) target(m *cluster.Message, withFlags bool) {
	w.object(2 + count(withFlags))
	w.name("rooms")
	w.list(m.Target.Rooms)
	w.name("except")
	w.list(m.Target.Except)
	if withFlags {
		w.name("flags")
		w.flags(m)
	}
	w.endObject()
}

func (w *writer) flags(m *cluster.Message) {
	volatile, noCompress := m.Flags&engine.Volatile != 0, m.Flags&engine.NoCompress != 0
	timeout := m.Timeout.Milliseconds()
	w.object(count(volatile) + count(noCompress) + count(timeout > 0))
	if volatile {
		w.name("volatile")
		w.boolean(true)
	}
	if noCompress {
		w.name("compress")
		w.boolean(false)
	}
	if timeout > 0 {
		w.name("timeout")
		w.number(timeout)
	}
	w.endObject()
}

func (w *writer) sockets(sockets []cluster.Socket) {
	w.array(len(sockets))
	for i := range sockets {
		s := &sockets[i]
		w.element()
		w.object(4)
		w.name("id")
		w.text(s.ID)
		w.name("handshake")
		w.valueOrEmpty(s.Handshake)
		w.name("rooms")
		w.list(s.Rooms)
		w.name("data")
		w.valueOrEmpty(s.Data)
		w.endObject()
	}
	w.endArray()
}
