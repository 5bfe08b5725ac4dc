package engine

import (
	"errors"
	"net"
	"net/http"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// A stream is a connection of a transport outside HTTP requests, such as
// WebTransport, with one stream per session. It carries the frames of RFC 6455
// without masks in both directions; a transport with other frames translates their
// headers. It carries neither pings nor pongs, so a client's [Client.Flush] waits only
// until the messages have been written. A close frame is the last frame written.
type stream struct {
	transport Transport // one of ServerOptions.streams
	conn      net.Conn
	request   *http.Request // the request that opened the connection
	sid       string        // the session to upgrade, or "" for a new one
}

var (
	errNoUpgrade   = errors.New("engine: the session cannot be upgraded")
	errUnavailable = errors.New("engine: the server is not accepting connections")
)

// serveStream opens a session on a stream, or upgrades one. The options for requests
// apply: Transports, CORS, AllowRequest, MaxHandshakes and so on. It returns nil once
// the session uses the stream. If it returns an error, which is a [*RequestError] for
// a refused request, the stream is closed, as it is if a function of the options
// panics.
func (s *Server) serveStream(st stream) error {
	taken := false
	defer func() {
		if !taken {
			st.conn.Close()
		}
	}()
	err := s.takeStream(st)
	taken = err == nil
	return err
}

func (s *Server) takeStream(st stream) error {
	r := st.request
	q := query{transport: st.transport, sid: st.sid, protocol: 4, stream: true}
	q.foreign = s.foreign(r, s.opts.CORS != nil && s.opts.CORS.apply(make(http.Header), r))
	defer s.handshakes.Add(-1)
	if s.handshakes.Add(1) > int64(s.opts.MaxHandshakes) || !s.enter() {
		return errUnavailable
	}
	defer s.goroutines.Done()
	c, refusal := s.verify(r, q)
	if refusal == nil && c == nil {
		if c, refusal = s.newConn(r, q); refusal == nil {
			err := s.openLink(c, newStreamLink(c, st), nil, nil)
			if err != errDuplicateID {
				return err
			}
			refusal = idError(r, err) // a concurrent handshake took the ID
		}
	}
	if refusal != nil {
		s.report(refusal)
		return refusal
	}
	if s.opts.DisableUpgrades {
		return errNoUpgrade
	}
	s.tryLink(c, newStreamLink(c, st), nil)
	return nil
}

func newStreamLink(c *Conn, st stream) *link {
	return &link{
		conn: c, way: c.server.ways[st.transport], nc: st.conn,
		in: ws.Reader{MaxMessage: ws.Limit(c.server.opts.MaxPayload), Client: true},
	}
}
