package socketio

import (
	"encoding/json"
	"net/url"
	"strings"

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
// a repeated key the last value counts. It returns how many bytes the auth has, which may
// be six times those of the query: JSON escapes characters.
func legacyPacket(p *parser.Packet) (auth int) {
	name, query, found := strings.Cut(p.Namespace, "?")
	if found {
		p.Namespace = strings.Clone(name) // which does not hold the query, of any length
	}
	if p.Type != parser.Connect {
		return 0
	}
	fields := make(map[string]string)
	// What cannot be parsed is left out.
	values, _ := url.ParseQuery(query)
	for key, all := range values {
		fields[key] = all[len(all)-1]
	}
	raw, err := json.Marshal(fields)
	if err != nil { // strings can be encoded
		panic(err)
	}
	p.Args = jsonArgs(raw)
	return len(raw)
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
