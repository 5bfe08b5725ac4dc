package parser

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// ArgsOf returns Args with the given values, encoded as [JSON] does: what a peer
// receives that is sent them. It is for calling handlers in tests, and for codecs.
// The error is an [*ArgError] when a value has no encoded form.
func ArgsOf(values ...any) (Args, error) {
	data, attachments, err := JSON.Append(nil, Header{Type: Event}, "args", values)
	if err != nil {
		return Args{}, err
	}
	d := JSON.NewDecoder(Limits{MaxAttachments: max(len(attachments), 1), MaxArguments: max(len(values), 1)})
	p, err := d.Decode(data, false)
	for i := 0; err == nil && i < len(attachments); i++ {
		p, err = d.Decode(attachments[i], true)
	}
	if err != nil { // nested deeper than anybody would receive
		return Args{}, err
	}
	return p.Args, nil
}

// String shows the arguments for logs and messages of tests, as a list of JSON
// values; binary data is shown as such when it is an argument of its own. What is
// longer than 4096 bytes is cut.
func (a Args) String() string { return clip.Text(a.text(), 4096) }

func (a Args) text() string {
	var b strings.Builder
	b.WriteByte('[')
	for i := range a.Len() {
		if i > 0 {
			b.WriteString(", ")
		}
		var v any
		if err := a.DecodeAt(i, &v); err != nil {
			fmt.Fprintf(&b, "(%v)", err)
			continue
		}
		if data, ok := v.([]byte); ok {
			fmt.Fprintf(&b, "binary %q", data)
			continue
		}
		text, err := json.Marshal(v)
		if err != nil { // of a codec that decodes to what JSON does not have
			text = fmt.Append(nil, v)
		}
		b.Write(text)
	}
	b.WriteByte(']')
	return b.String()
}
