package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// shown makes values comparable: binary data is marked.
func shown(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		if raw, ok := v.(json.RawMessage); ok {
			texts[i] = string(raw)
			continue
		}
		v, _ := withoutBinary(v, func(b []byte) any { return "bytes " + string(b) })
		texts[i] = marshal(v)
	}
	return strings.Join(texts, "|")
}

func TestParseLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, []byte("plain"), 0o600); err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		line   string
		want   input // without values
		values string
	}{
		{"", input{}, ""},
		{"  \t ", input{}, ""},
		{"hello", input{event: "hello"}, ""},
		{"  hello  ", input{event: "hello"}, ""},
		{"hello?", input{event: "hello", asks: true}, ""},
		{"hello ?", input{event: "hello", asks: true}, ""},
		{`"hello?"`, input{event: "hello?"}, ""},
		{`"chat message" "a"`, input{event: "chat message"}, `"a"`},
		{`"\u00fc\"" 1`, input{event: `ü"`}, "1"},
		{`"/join" 1`, input{event: "/join"}, "1"},
		{`""`, input{}, ""},
		{`1 2`, input{event: "1"}, "2"},
		{`sum 1 -2.5 1e9`, input{event: "sum"}, "1|-2.5|1e9"},
		{`sum 1 2?`, input{event: "sum", asks: true}, "1|2"},
		{`a "what?"`, input{event: "a"}, `"what?"`},
		{`a "what?" ?`, input{event: "a", asks: true}, `"what?"`},
		{`a null true false`, input{event: "a"}, "null|true|false"},
		{`a {"x": [1, {"y": "} ]"}]} [ 1 , 2 ]`, input{event: "a"}, `{"x": [1, {"y": "} ]"}]}|[ 1 , 2 ]`},
		{`a {"x":1}"y"[2]`, input{event: "a"}, `{"x":1}|"y"|[2]`},
		{"a\t1\u00a02", input{event: "a"}, "1|2"},
		{`a 18446744073709551616`, input{event: "a"}, `18446744073709551616`},
		{`a 0x 0x68656C6c6f`, input{event: "a"}, `"bytes "|"bytes hello"`},
		{`a {"$binary":"aGVsbG8="} [{"b":{"$binary":""}}]`, input{event: "a"}, `"bytes hello"|[{"b":"bytes "}]`},
		{`a {"$binary":"aGVsbG8=","x":1} {"$binary":1}`, input{event: "a"}, `{"$binary":"aGVsbG8=","x":1}|{"$binary":1}`},
		{`a @` + plain + ` 1`, input{event: "a"}, `"bytes plain"|1`},
		{`a @` + plain + `?`, input{event: "a", asks: true}, `"bytes plain"`},
		{`a @` + string(quoted) + ` ?`, input{event: "a", asks: true}, `"bytes content"`},
		{"/help", input{command: "/help"}, ""},
		{" /quit ", input{command: "/quit"}, ""},
		{"/join admin", input{command: "/join", target: "admin"}, ""},
		{`/ack 3 1 "x"`, input{command: "/ack", id: 3}, `1|"x"`},
		{"/ack 3", input{command: "/ack", id: 3}, ""},
	} {
		got, err := parseLine(test.line)
		if err != nil {
			t.Errorf("%q: %v", test.line, err)
			continue
		}
		if values := shown(got.values); values != test.values {
			t.Errorf("%q: got values %s, want %s", test.line, values, test.values)
		}
		got.values = nil
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q: got %+v, want %+v", test.line, got, test.want)
		}
	}
}

func TestParseLineMistakes(t *testing.T) {
	for line, want := range map[string]string{
		"?":                      "a line begins with the name of an event",
		`{"a":1}`:                "a line begins with the name of an event",
		"[1]":                    "a line begins with the name of an event",
		`"open`:                  `"open is not a valid JSON value: unexpected EOF`,
		"a {":                    "{ is not a valid JSON value: unexpected EOF",
		"a {x}":                  "{x} is not a valid JSON value: invalid character 'x'",
		"a hello":                `hello is not a valid JSON value; a text is written "hello"`,
		"a \x1b":                 `\u001b is not a valid JSON value`,
		"a 01":                   "01 is not a valid JSON value",
		"a 0x1":                  "an even number of hexadecimal digits",
		"a 0xzz":                 "0xzz: binary data is",
		"a @missing/file":        "@missing/file: open missing/file",
		`a @"missing`:            `is not a valid JSON value`,
		`a {"$binary":"!"}`:      "$binary: illegal base64",
		`a [{"$binary":"!"}]`:    "$binary: illegal base64",
		"/frob":                  "/frob is not a command, see /help; an event of this name needs quotes",
		"/quit now":              "/quit takes no arguments",
		"/join":                  "/join needs one namespace",
		"/join a b":              "/join needs one namespace",
		"/ack":                   "/ack needs the number of an event",
		"/ack x":                 "/ack needs the number of an event",
		"/ack 1 x":               "x is not a valid JSON value",
		"/ack\u00a01":            `/ack\u00a01 is not a command`,
		`{"event":"a"} ?`:        "a line begins with the name of an event",
		"a \u202e":               `\u202e is not a valid JSON value`,
		`"a" "b`:                 `"b is not a valid JSON value`,
		`"a" {"b":{"$binary":0}`: "is not a valid JSON value",
	} {
		if in, err := parseLine(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %+v, error %v, want %q", line, in, err, want)
		}
	}
}

// Names are shown as they are typed.
func TestEventName(t *testing.T) {
	for event, want := range map[string]string{
		"chat":         "chat",
		"chat message": `"chat message"`,
		"":             `""`,
		"what?":        `"what?"`,
		"/quit":        `"/quit"`,
		`"`:            `"\""`,
		"{":            `"{"`,
		"a\x1b":        `"a\u001b"`,
		"ü<":           "ü<",
		"a\u202e":      `"a\u202e"`,
		" a":           `" a"`,
		"a\u00a0b":     `"a\u00a0b"`,
	} {
		got := eventName(event)
		if got != want {
			t.Errorf("%q: got %s, want %s", event, got, want)
		}
		if in, err := parseLine(got); err != nil || in.event != event {
			t.Errorf("%s is not %q but %q, %v", got, event, in.event, err)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	for _, seed := range []string{`a 1 "x" {"y":[1]} ?`, `"a b" 0xff`, "/ack 1 2", `a {"$binary":"AA=="}`, `"`, "?"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "@") || !utf8.ValidString(line) {
			return // do not read files; invalid UTF-8 is replaced
		}
		in, err := parseLine(line)
		if err != nil {
			return
		}
		if in.command == "" && in.event != "" {
			// What is shown can be typed.
			again, err := parseLine(eventName(in.event))
			if err != nil || again.event != in.event || again.asks || again.values != nil {
				t.Errorf("%q is shown as %s, which is %+v, %v", in.event, eventName(in.event), again, err)
			}
		}
	})
}
