package socketio

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// Clients of version 2 speak revision 4 of the Socket.IO protocol over revision 3
// of Engine.IO. What they do differently about namespaces is here.

// legacy reports whether the client is one of version 2.
func (c *conn) legacy() bool { return c.engine.Protocol() == 3 }

// welcomeLegacy joins the main namespace for a client of version 2, which does not
// ask for it.
func (c *conn) welcomeLegacy() {
	c.join(&parser.Packet{
		Header: parser.Header{Type: parser.Connect, Namespace: "/"},
		Args:   jsonArgs(json.RawMessage("{}")),
	}, 0)
}

// legacyPacket gives a packet of a client of version 2 the form of today: such a
// client writes its query, which takes the place of auth, behind the namespace. Of
// a repeated key the last value counts.
func legacyPacket(p *parser.Packet) {
	name, query, found := strings.Cut(p.Namespace, "?")
	if found {
		p.Namespace = strings.Clone(name) // which does not hold the query, of any length
	}
	if p.Type != parser.Connect {
		return
	}
	auth := make(map[string]string)
	// What cannot be parsed is left out.
	values, _ := url.ParseQuery(query)
	for key, all := range values {
		auth[key] = all[len(all)-1]
	}
	raw, err := json.Marshal(auth)
	if err != nil { // strings can be encoded
		panic(err)
	}
	p.Args = jsonArgs(raw)
}

// socketID returns the ID of a new socket. A client of version 2 derives it from
// its session ID.
func (c *conn) socketID(n *Namespace) string {
	switch {
	case !c.legacy():
		return newID()
	case n.name == "/":
		return c.engine.ID()
	default:
		return n.name + "#" + c.engine.ID()
	}
}

// refusal returns the payload of CONNECT_ERROR.
func (c *conn) refusal(err error) any {
	payload := refusedPayload{Message: err.Error()}
	var ce *ConnectError
	if errors.As(err, &ce) {
		payload.Message, payload.Data = ce.Message, ce.Data
	}
	if !c.legacy() || err == errInvalidNamespace {
		return payload
	}
	// A client of version 2 gets the data or, without, the message.
	if payload.Data == nil {
		return payload.Message
	}
	return payload.Data
}

// newID returns an ID for a socket, or a private one.
func newID() string { return engine.NewID() }

type refusedPayload struct {
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}
