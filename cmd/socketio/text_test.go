package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/parser"
)

func TestPrintable(t *testing.T) {
	for s, want := range map[string]string{
		"":                      "",
		"plain ü 日本":            "plain ü 日本",
		"a\x1b[2Jb\r\n":         `a\u001b[2Jb\u000d\u000a`,
		"\u009b31m":             `\u009b31m`,
		"\u202eabc":             `\u202eabc`,
		"👩\u200d👩":              "👩\u200d👩",
		"\U000e0041":            `\udb40\udc41`,
		"\x7f":                  `\u007f`,
		"bad \xff utf8":         "bad \ufffd utf8",
		"\ufffd":                "\ufffd",
		`already \u001b escape`: `already \u001b escape`,
	} {
		if got := printable(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
	// In JSON, nothing is lost.
	var s string
	if err := json.Unmarshal([]byte(printable(`"`+"\u009b\U000e0041"+`"`)), &s); err != nil || s != "\u009b\U000e0041" {
		t.Errorf("got %q, %v", s, err)
	}
}

// args makes what a server has sent.
func args(t *testing.T, values ...any) parser.Args {
	t.Helper()
	a, err := parser.ArgsOf(values...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestJSONArray(t *testing.T) {
	large := make([]byte, 100)
	for _, test := range []struct {
		values []any
		want   string
	}{
		{nil, `[]`},
		{[]any{nil, true, 1.5, "<&>"}, `[null,true,1.5,"<&>"]`},
		{[]any{json.RawMessage(`{"z": 1, "a": 18446744073709551616}`)}, `[{"z":1,"a":18446744073709551616}]`},
		{[]any{json.RawMessage(`[1e400]`), json.Number("-1e999")}, `[[1e400],-1e999]`},
		{[]any{[]byte("hi")}, `[{"$binary":"aGk="}]`},
		{[]any{map[string]any{"z": []any{[]byte("hi"), 1}, "a": 1}}, `[{"a":1,"z":[{"$binary":"aGk="},1]}]`},
		{[]any{"\u009b"}, `["\u009b"]`},
		{[]any{large}, `[{"$binary":"` + strings.Repeat("A", 134) + `=="}]`},
	} {
		if got := jsonArray(args(t, test.values...)); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	if got, want := jsonValue(args(t, large), 0, shortBinary), `{"$binary":"`+strings.Repeat("A", 64)+`...","bytes":100}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestJSONLine(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 6_700_000, time.FixedZone("", 3600))
	got := jsonLine(at, "a <\u009b>", `[1,"x"]`, false)
	if want := `{"time":"2026-01-02T14:04:05.006Z","event":"a <\u009b>","args":[1,"x"]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := jsonLine(at, "a", `[]`, true); !strings.HasSuffix(got, `"args":[],"ack":true}`) {
		t.Errorf("got %s", got)
	}
}

func TestPrinter(t *testing.T) {
	show := func(color bool) string {
		var b strings.Builder
		p := newPrinter(&b, color)
		p.now = func() time.Time { return time.Date(2026, 1, 2, 15, 4, 5, 6_000_000, time.UTC) }
		p.received("chat", []string{"1", `"x"`}, 0)
		p.received("sure?", nil, 7)
		p.acknowledged("sum", 1, []string{"3"}, 1234*time.Microsecond)
		p.sent("sum 1 2 ?")
		p.changed("connected")
		p.failed("no")
		p.text("help")
		return b.String()
	}
	want := `15:04:05.006 < chat 1 "x"
15:04:05.006 < "sure?" (wants /ack 7)
15:04:05.006 < ack #1 of sum: 3 (1.23ms)
15:04:05.006 > sum 1 2 ?
15:04:05.006 * connected
15:04:05.006 ! no
help
`
	if got := show(false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	colored := show(true)
	if !strings.Contains(colored, dim+"15:04:05.006"+reset+" "+cyan+"<"+reset+" "+bold+"chat"+reset) {
		t.Errorf("got %q", colored)
	}
	for _, code := range []string{dim, bold, red, green, yellow, cyan, reset} {
		colored = strings.ReplaceAll(colored, code, "")
	}
	if colored != want {
		t.Errorf("without colours, got\n%s\nwant\n%s", colored, want)
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1234 * time.Nanosecond:   "0s",
		123456 * time.Nanosecond: "120µs",
		1234567:                  "1.23ms",
		12345678:                 "12ms",
		1234567890:               "1.23s",
		83 * time.Second:         "1m23s",
	} {
		if got := short(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
