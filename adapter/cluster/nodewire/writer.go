package nodewire

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/internal/jsonscan"
	"github.com/seed96b07ef8/socketio/internal/msgpack"
	"github.com/seed96b07ef8/socketio/parser"
)

// A writer writes JSON as JSON.stringify does, or MessagePack.
type writer struct {
	dst    []byte
	json   bool
	flavor msgpack.Flavor // of MessagePack
	err    error
}

// maxNesting bounds what is written, with room for what surrounds it. A Body is not nested more
// deeply than the server's codec permits.
const maxNesting = 10_000

// object begins an object of n members.
func (w *writer) object(n int) {
	if w.json {
		w.dst = append(w.dst, '{')
	} else {
		w.dst = msgpack.AppendMap(w.dst, n)
	}
}

func (w *writer) endObject() {
	if w.json {
		w.dst = append(w.dst, '}')
	}
}

// array begins an array of n elements.
func (w *writer) array(n int) {
	if w.json {
		w.dst = append(w.dst, '[')
	} else {
		w.dst = msgpack.AppendArray(w.dst, n)
	}
}

func (w *writer) endArray() {
	if w.json {
		w.dst = append(w.dst, ']')
	}
}

// name writes the name of a member, which has no character to escape.
func (w *writer) name(s string) {
	if !w.json {
		w.dst = msgpack.AppendString(w.dst, s)
		return
	}
	if w.dst[len(w.dst)-1] != '{' {
		w.dst = append(w.dst, ',')
	}
	w.dst = append(append(append(w.dst, '"'), s...), '"', ':')
}

// element separates elements of an array.
func (w *writer) element() {
	if w.json && w.dst[len(w.dst)-1] != '[' {
		w.dst = append(w.dst, ',')
	}
}

func (w *writer) text(s string) {
	switch {
	case !w.json:
		w.dst = msgpack.AppendString(w.dst, s)
	case isPlain(s):
		w.dst = append(append(append(w.dst, '"'), s...), '"')
	default:
		w.dst, _ = jsontext.AppendQuote(w.dst, s) // what is not UTF-8 is replaced
	}
}

func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return false
		}
	}
	return true
}

func (w *writer) number(n int64) {
	if w.json {
		w.dst = strconv.AppendInt(w.dst, n, 10)
	} else {
		w.dst = msgpack.AppendInt(w.dst, n)
	}
}

func (w *writer) boolean(b bool) {
	if w.json {
		w.dst = strconv.AppendBool(w.dst, b)
	} else {
		w.dst = msgpack.AppendBool(w.dst, b)
	}
}

func (w *writer) list(list []string) {
	w.array(len(list))
	for _, s := range list {
		w.element()
		w.text(s)
	}
	w.endArray()
}

// value writes JSON text with attachments.
func (w *writer) value(text []byte, attachments [][]byte) {
	switch {
	case !w.json:
		dst, err := msgpack.AppendJSON(w.dst, text, attachments, maxNesting, w.flavor)
		if err != nil {
			w.err = fmt.Errorf("%w: %w", cluster.ErrInvalid, err)
			return
		}
		w.dst = dst
	case len(attachments) > 0:
		w.err = cluster.ErrBinary
	default:
		w.dst = append(w.dst, text...)
	}
}

// valueOrEmpty writes JSON text, or an empty object if there is none: members of the reference
// implementation expect objects.
func (w *writer) valueOrEmpty(text []byte) {
	if len(text) == 0 || string(text) == "null" {
		w.object(0)
		w.endObject()
		return
	}
	w.value(text, nil)
}

var errResult = fmt.Errorf("%w: not a list of arguments", cluster.ErrInvalid)

// result returns the JSON text of the first element of an array, or nil. An acknowledgement has no
// other in the reference implementation.
func result(body parser.Body) (text []byte, err error) {
	text = body.JSON
	i := jsonscan.Space(text, 1)
	if i < len(text) && text[i] == ']' {
		return nil, nil
	}
	end, err := jsonscan.Value(text, i, maxNesting)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", cluster.ErrInvalid, err)
	}
	if next := jsonscan.Space(text, end); next >= len(text) || text[next] != ',' && text[next] != ']' {
		return nil, errResult
	}
	return text[i:end], nil
}

const placeholder = `{"_placeholder":true,"num":`

// plain returns a Body's text with attachments in the form that JSON.stringify gives to a Buffer of
// Node. In valid JSON the beginning of a placeholder is not part of a string, where quotes have a
// backslash.
func plain(body parser.Body) []byte {
	if len(body.Attachments) == 0 {
		return body.JSON
	}
	var dst []byte
	for text := body.JSON; ; {
		before, after, found := bytes.Cut(text, []byte(placeholder))
		dst = append(dst, before...)
		if !found {
			return dst
		}
		end := jsonscan.Digits(after, 0)
		n, err := strconv.Atoi(string(after[:end]))
		if err != nil || n >= len(body.Attachments) || after[end] != '}' { // not a placeholder
			dst = append(dst, placeholder...)
			text = after
			continue
		}
		dst = appendBuffer(dst, body.Attachments[n])
		text = after[end+1:]
	}
}

// appendBuffer appends the JSON form of a Buffer of Node.
func appendBuffer(dst, data []byte) []byte {
	dst = append(dst, `{"type":"Buffer","data":[`...)
	for i, c := range data {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(c), 10)
	}
	return append(dst, "]}"...)
}
