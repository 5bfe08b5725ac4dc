package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/seed96b07ef8/socketio/client"
)

// binaryKey is the only member of the objects that stand for binary data, which
// JSON lacks: {"$binary":"<base64>"}.
const binaryKey = "$binary"

var errNotJSON = errors.New("is not a valid JSON value")

// parseArguments turns arguments of the command line into values. in is standard input.
func parseArguments(args []string, in io.Reader) ([]any, error) {
	values := make([]any, len(args))
	for i, arg := range args {
		var v any
		var err error
		if arg == stdinValue {
			v, err = readOnce(&in)
		} else {
			v, err = parseValue(arg)
		}
		if err != nil {
			return nil, failf(exitUsage, "%v", explainValue(arg, err, `'"%s"'`))
		}
		values[i] = v
	}
	return values, nil
}

// stdinValue is the value that stands for the data of standard input.
const stdinValue = "@-"

// readOnce reads all of *in, and sets it to nil.
func readOnce(in *io.Reader) ([]byte, error) {
	r := *in
	if r == nil {
		return nil, errors.New("standard input can be read only once")
	}
	*in = nil
	return io.ReadAll(r)
}

// explainValue says what is wrong with a value. quoted is how text is written here.
func explainValue(text string, err error, quoted string) error {
	text = printable(text)
	switch {
	case err == errNotJSON:
		return fmt.Errorf("%s %w; a text is written "+quoted, text, err, text)
	case errors.Is(err, errNotJSON):
		return fmt.Errorf("%s %w", text, err)
	}
	return fmt.Errorf("%s: %w", text, err)
}

// parseValue turns text into what is emitted: JSON, @FILE or 0xHEX. The error is
// errNotJSON for a mere word.
func parseValue(text string) (any, error) {
	switch {
	case text == stdinValue:
		return nil, errors.New("standard input has the lines; a file of this name is @./-")
	case strings.HasPrefix(text, "@"):
		return os.ReadFile(text[1:])
	case strings.HasPrefix(text, "0x"):
		data, err := hex.DecodeString(text[2:])
		if err != nil {
			return nil, fmt.Errorf("binary data is 0x and an even number of hexadecimal digits, a string needs quotes: %w", err)
		}
		return data, nil
	}
	var raw json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		if trimmed := strings.TrimSpace(text); trimmed == "" || strings.IndexByte(`{["`, trimmed[0]) < 0 {
			return nil, errNotJSON
		}
		return nil, fmt.Errorf("%w: %w", errNotJSON, err)
	}
	if !bytes.Contains(raw, []byte(binaryKey)) {
		return raw, nil // exactly as it is
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return withBinary(v)
}

// withBinary replaces the objects that stand for binary data.
func withBinary(v any) (_ any, err error) {
	switch v := v.(type) {
	case []any:
		for i := range v {
			if v[i], err = withBinary(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if text, ok := v[binaryKey].(string); ok && len(v) == 1 {
			data, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", binaryKey, err)
			}
			return data, nil
		}
		for key := range v {
			if v[key], err = withBinary(v[key]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// withoutBinary replaces binary data by what show returns, and reports whether
// there was any.
func withoutBinary(v any, show func([]byte) any) (_ any, found bool) {
	switch v := v.(type) {
	case []byte:
		return show(v), true
	case []any:
		for i := range v {
			var f bool
			v[i], f = withoutBinary(v[i], show)
			found = found || f
		}
	case map[string]any:
		for key := range v {
			var f bool
			v[key], f = withoutBinary(v[key], show)
			found = found || f
		}
	}
	return v, found
}

// wholeBinary is the form of binary data for programs.
func wholeBinary(data []byte) any {
	return map[string]any{binaryKey: base64.StdEncoding.EncodeToString(data)}
}

// People see that many bytes of binary data.
const maxShown = 48

// shortBinary is the form of binary data for people.
func shortBinary(data []byte) any {
	if len(data) <= maxShown {
		return wholeBinary(data)
	}
	return map[string]any{
		binaryKey: base64.StdEncoding.EncodeToString(data[:maxShown]) + "...",
		"bytes":   len(data),
	}
}

// jsonValues returns arguments as JSON, each on its own.
func jsonValues(args client.Args, show func([]byte) any) []string {
	values := make([]string, args.Len())
	for i := range values {
		values[i] = jsonValue(args, i, show)
	}
	return values
}

func jsonValue(args client.Args, i int, show func([]byte) any) string {
	var v any
	var raw json.RawMessage
	anyErr := args.DecodeAt(i, &v) // of a number that is too large for a float64, for example
	err := args.DecodeAt(i, &raw)
	if anyErr == nil {
		if v, found := withoutBinary(v, show); found || err != nil {
			return printable(marshal(exactNumbers(v, raw)))
		}
	}
	// Without binary data the order of members stays as it is, too.
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return "null"
	}
	return printable(b.String())
}

// exactNumbers replaces the numbers in v by those of the JSON from which it was
// decoded. Where that has something else, such as the form that it has for binary
// data, v stays as it is.
func exactNumbers(v any, raw json.RawMessage) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var exact any
	if err := d.Decode(&exact); err != nil {
		return v
	}
	return withNumbers(v, exact)
}

func withNumbers(v, exact any) any {
	switch v := v.(type) {
	case float64:
		if number, ok := exact.(json.Number); ok {
			return number
		}
	case []any:
		if exact, ok := exact.([]any); ok && len(exact) == len(v) {
			for i := range v {
				v[i] = withNumbers(v[i], exact[i])
			}
		}
	case map[string]any:
		if exact, ok := exact.(map[string]any); ok {
			for key := range v {
				v[key] = withNumbers(v[key], exact[key])
			}
		}
	}
	return v
}

// marshal encodes v without escaping what only HTML needs escaped.
func marshal(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "null"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// jsonArray returns arguments as a JSON array, for programs.
func jsonArray(args client.Args) string {
	return "[" + strings.Join(jsonValues(args, wholeBinary), ",") + "]"
}
