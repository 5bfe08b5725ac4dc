package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net"
	"slices"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/seam"
	"github.com/seed96b07ef8/socketio/parser"
)

var (
	_ adapter.ReceiptSocket = member{}
	_ adapter.WarmSocket    = member{}
	_ adapter.Host          = host{}
)

// A member is a Socket as its adapter sees it.
type member struct{ *Socket }

// Deliver implements [adapter.Socket]. It sends a packet that was encoded once for many
// sockets.
func (s member) Deliver(p *adapter.Packet) {
	if s.gone.Load() || !s.admitted.Load() && s.hold(p) {
		return
	}
	// That one socket has ended, or is too slow, must not affect the others.
	_ = s.conn.engine.Send(p.Message, p.Flags)
}

// DeliverWithAck implements [adapter.Socket].
func (s member) DeliverWithAck(ctx context.Context, p *adapter.Packet, sink adapter.AckSink) {
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

// Join implements [adapter.Socket]. It ignores the error of a socket that has ended
// meanwhile, because the operation is on many sockets. If the client of such a socket
// may reconnect, Join changes the rooms of its session, which is kept once the handlers
// of the socket have returned.
func (s member) Join(rooms ...string) error {
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
func (s member) Flush(flags engine.Flags) {
	if flags&engine.Lazy != 0 {
		s.conn.engine.Internal(seam.Key{}).FlushSoon()
	} else {
		s.conn.engine.Flush()
	}
}

// Warm implements [adapter.WarmSocket].
func (s member) Warm() {
	s.gone.Load()
	s.conn.engine.Internal(seam.Key{}).Warm()
}

// Received implements [adapter.ReceiptSocket].
func (s member) Received() time.Time { return s.conn.engine.Received() }

// Info implements [adapter.Socket].
func (s member) Info() adapter.SocketInfo {
	handshake := s.conn.engine.Handshake()
	return adapter.SocketInfo{
		ID:        s.id,
		Handshake: handshake,
		Auth:      s.authJSON(),
		Rooms:     s.Rooms(),
		Data:      s.Data(),
		Node:      s.nsp.server.node,
		Secure:    handshake.TLS != nil,
	}
}

// authJSON returns the client's auth as JSON, whatever its codec; binary data in it
// becomes base64. It is nil without one.
func (s *Socket) authJSON() json.RawMessage {
	if s.auth == nil {
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

// host is a Namespace as its adapter sees it.
type host struct{ n *Namespace }

func (h host) Name() string { return h.n.name }

func (h host) Node() adapter.NodeID { return h.n.server.node }

func (h host) Recovery() *adapter.RecoveryOptions { return h.n.server.opts.recoveryOptions() }

func (h host) Body(event string, args []any) (*parser.Body, error) {
	body, err := parser.EncodeBody(event, args)
	if err == nil {
		err = h.n.server.checkAttachments(len(body.Attachments))
	}
	if err != nil {
		return nil, unencodable(parser.Header{Type: parser.Event, Namespace: h.n.name}, event, err)
	}
	return body, nil
}

func (h host) Encode(p *adapter.Packet) (err error) {
	if p.HasAck {
		// Each node assigns its own IDs, also to packets from other nodes.
		p.AckID = h.n.nextAck()
	}
	header := parser.Header{Type: parser.Event, Namespace: h.n.name, ID: p.AckID, HasID: p.HasAck}
	s, args := h.n.server, p.Args
	if p.Body != nil {
		if s.opts.Codec == parser.JSON {
			p.Message, err = s.encodeBody(header, p)
			return err
		}
		if args == nil {
			received, err := p.Body.Packet(receivedLimits)
			if err != nil {
				return unencodable(header, p.Event, err)
			}
			args = []any{received.Args}
		}
	}
	if p.Offset != "" {
		args = append(slices.Clip(args), p.Offset)
	}
	p.Message, err = s.encode(header, p.Event, args)
	return err
}

// receivedLimits are for events that other nodes have encoded: those that one may emit.
var receivedLimits = parser.Limits{
	MaxAttachments: math.MaxInt, MaxDepth: math.MaxInt, MaxEventName: math.MaxInt, MaxArguments: math.MaxInt,
}

func (h host) RoomEvent(e adapter.RoomEvent) {
	for f := range h.n.rooms.all() {
		if err := h.n.protect("", e.Kind.String(), func() error { f(e); return nil }); err != nil {
			h.n.report(nil, &EventError{Namespace: h.n.name, Event: e.Kind.String(), Err: err}, false)
		}
	}
}

func (h host) WantsRoomEvents() bool { return !h.n.rooms.isEmpty() }

func (h host) ServerEvent(event string, args parser.Args, answer func(args ...any)) {
	in := &invocation{Owner: &serverEvent{h.n, answer}, Args: args, Wanted: answer != nil}
	for _, l := range h.n.serverEvents.of(event) {
		if err := h.n.call(l, in, event); err != nil {
			h.n.report(nil, &EventError{Namespace: h.n.name, Event: event, Err: err}, false)
		}
	}
}
