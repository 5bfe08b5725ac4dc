package engine

import (
	"bytes"
	"net/url"
	"strings"
)

// JSONP is polling with script elements and forms, for old browsers. A client
// requests it with j in the query of its handshake. Payloads to the client are then
// arguments of a function call in a script, and payloads from it are a form field.
// Both are text.

type jsonp struct {
	call string // the call up to its argument
}

// newJSONP returns the JSONP encoding for the function with number j. It uses only
// the digits of j, because the rest could inject a script.
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
	// encoding/json escapes U+2028 and U+2029, which older browsers do not accept in
	// a script.
	argument := marshal(string(payload))
	script := make([]byte, 0, len(j.call)+len(argument)+2)
	script = append(script, j.call...)
	script = append(script, argument...)
	return append(script, ");"...)
}

// Browsers change line ends in forms, so clients send \n for a line end and \\n for a
// literal \n.
var unescapeLines = strings.NewReplacer(`\\n`, `\n`, `\n`, "\n")

// formPayload returns the payload of a data request: the form field d.
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
