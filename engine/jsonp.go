package engine

import (
	"bytes"
	"net/url"
	"strings"
)

// JSONP is polling for browsers of old, by script elements and forms. A client
// asks for it with j in the query of its handshake: a payload is then the argument
// of a function call and comes as a field of a form. It is text in any case.

type jsonp struct {
	call string // what stands in front of the argument
}

// newJSONP returns the JSONP of a client whose function has the number j. Nothing
// but the digits of that is used: the rest could be a script of somebody else.
func newJSONP(j string) *jsonp {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, j)
	return &jsonp{call: "___eio[" + digits + "]("}
}

// wrap returns a payload as a script.
func (j *jsonp) wrap(payload []byte) []byte {
	// Go escapes U+2028 and U+2029, which not all browsers take in a script.
	argument := marshal(string(payload))
	script := make([]byte, 0, len(j.call)+len(argument)+2)
	script = append(script, j.call...)
	script = append(script, argument...)
	return append(script, ");"...)
}

// A browser changes line ends in forms, so clients write \n for one, and \\n for
// what was \n before.
var unescapeLines = strings.NewReplacer(`\\n`, `\n`, `\n`, "\n")

// formPayload returns the payload in the body of a data request: the field d.
func formPayload(body []byte) ([]byte, error) {
	for field := range bytes.SplitSeq(body, []byte{'&'}) {
		value, ok := bytes.CutPrefix(field, []byte("d="))
		if !ok {
			continue
		}
		payload, err := url.QueryUnescape(string(value))
		if err != nil {
			return nil, errBadPacket
		}
		return []byte(unescapeLines.Replace(payload)), nil
	}
	return nil, errBadPacket
}
