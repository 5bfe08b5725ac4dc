package parser

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// ArgsOf returns the Args that a peer receives if it is sent values with [JSON].
// It is meant for calling handlers in tests, and for codecs. It returns an
// [*ArgError] if a value cannot be encoded.
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
	if err != nil { // nested deeper than the limit of decoders
		return Args{}, err
	}
	return p.Args, nil
}

// String returns the arguments as a list of JSON values, for logs and test
// messages. An argument that is binary data is marked as such. The text is
// truncated to 4096 bytes.
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
		if err != nil { // a codec decoded a value without a JSON form
			text = fmt.Append(nil, v)
		}
		b.Write(text)
	}
	b.WriteByte(']')
	return b.String()
}
