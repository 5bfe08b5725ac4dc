package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/parser"
)

// peer is a Socket as its adapter sees it.
type peer struct{ *Socket }

// Deliver implements [adapter.Socket]: it sends a packet that was encoded for
// many.
func (s peer) Deliver(p *adapter.Packet) {
	if s.gone.Load() || !s.admitted.Load() && s.hold(p) {
		return
	}
	// A socket that is gone, or too slow, is not the concern of the others.
	_ = s.conn.engine.Send(p.Message, p.Flags)
}

// Join implements [adapter.Socket]. That a socket has ended meanwhile is no failure of
// an operation on many. One whose client may come back joins for its session, which is
// kept when the handlers of the socket have returned.
func (s peer) Join(rooms ...string) error {
	if s.mayComeBack() {
		limit := s.nsp.server.opts.MaxRooms
		if !s.nsp.adapter.Join(s, limit, rooms...) {
			return &LimitError{Option: "MaxRooms", Max: limit}
		}
		return nil
	}
	if err := s.Socket.Join(rooms...); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Flush implements [adapter.Socket].
func (s peer) Flush(flags engine.Flags) {
	if flags&engine.Lazy != 0 {
		s.conn.engine.FlushSoon()
	} else {
		s.conn.engine.Flush()
	}
}

// Warm implements [adapter.Socket].
func (s peer) Warm() {
	s.gone.Load()
	s.conn.engine.Warm()
}

// Received implements [adapter.ReceiptSocket].
func (s peer) Received() time.Time { return s.conn.engine.Received() }

// DeliverWithAck implements [adapter.Socket].
func (s peer) DeliverWithAck(ctx context.Context, p *adapter.Packet, sink adapter.AckSink) {
	var w ackWaiter = sinkWaiter{sink}
	c, own := sink.(*collector)
	if own {
		if !c.await(s.Socket, p.AckID) {
			sink.Ack(adapter.Ack{Socket: s.id, Err: ctxerr.Of(ctx)})
			return
		}
		w = c // which forgets by itself
	}
	if err := s.expectAck(p.AckID, w); err != nil {
		w.answered(s.Socket, ackResult{err: err})
		return
	}
	if !own {
		context.AfterFunc(ctx, func() { s.forgetAck(p.AckID) })
	} else if c.hasEnded() { // perhaps before there was anything to forget
		s.forgetAck(p.AckID)
		return
	}
	s.Deliver(p)
}

// Info implements [adapter.Socket].
func (s peer) Info() adapter.SocketInfo {
	return adapter.SocketInfo{
		ID:        s.id,
		Handshake: s.conn.engine.Handshake(),
		Auth:      s.authJSON(),
		Rooms:     s.Rooms(),
		Data:      s.Data(),
	}
}

// authJSON returns the client's auth as JSON, whatever its codec; binary data in it
// becomes base64. It is nil without one.
func (s *Socket) authJSON() json.RawMessage {
	if s.auth.Len() == 0 {
		return nil
	}
	if s.nsp.server.opts.Codec == parser.JSON || s.conn.legacy() {
		return s.auth.Raw(0)
	}
	var auth any
	if err := s.auth.DecodeAt(0, &auth); err != nil {
		return nil // an object of the codec, which can be decoded
	}
	data, err := json.Marshal(auth)
	if err != nil {
		return nil // something that JSON does not have, such as NaN
	}
	return data
}
