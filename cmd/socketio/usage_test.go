package main

import (
	"strings"
	"testing"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		err  string
	}{
		{[]string{"frob"}, `unknown command "frob"`},
		{[]string{"emit"}, "a URL and the name of an event are needed"},
		{[]string{"emit", "x"}, "See socketio emit --help."},
		{[]string{"listen"}, "a URL is needed"},
		{[]string{"connect", "x", "y"}, `nothing is known to do with "y"`},
		{[]string{"listen", "x", "--frob"}, "unknown flag: --frob"},
		{[]string{"listen", "x", "--count=-1"}, "--count -1: it must not be negative"},
		{[]string{"listen", "x", "--count", "-1"}, "--count -1: it must not be negative"},
		{[]string{"listen", "x", "-c", "-1"}, "--count -1: it must not be negative"},
		{[]string{"emit", "x", "y", "--timeout", "-1s"}, "--timeout -1s: it must be positive"},
		{[]string{"emit", "x", "y", "--timeout", "1us"}, "--timeout 1µs: it must be at least 1ms"},
		{[]string{"emit", "x", "y", "-H", "two words: x"}, `--header "two words": the name is not a token`},
		{[]string{"emit", "x", "y", "-H", "X: a\nb"}, "--header X: the value has a control character"},
		{[]string{"emit", "ftp://x", "y"}, "the URL has to start with http://"},
		{[]string{"emit", "http://", "y"}, "the URL names no host"},
		{[]string{"emit", "http://x:y", "y"}, "is not a valid URL: invalid port"},
		{[]string{"emit", "x:99999", "y"}, "x:99999: a port is a number from 1 to 65535"},
		{[]string{"emit", ":0", "y"}, ":0: a port is a number from 1 to 65535"},
		{[]string{"emit", "user:secret@x:y", "y"}, "xxxxx@x:y is not a valid URL: invalid port"},
		{[]string{"emit", "ftp://user:secret@x", "y"}, "ftp://user:xxxxx@x: the URL has to start with"},
		{[]string{"emit", "x/a,b", "y"}, "it must not contain a comma"},
		{[]string{"emit", "x", "y", "hello"}, `hello is not a valid JSON value; a text is written '"hello"'`},
		{[]string{"emit", "x", "y", `{"a":}`}, `{"a":} is not a valid JSON value: invalid character '}'`},
		{[]string{"emit", "x", "y", "0x1"}, "0x1: binary data is 0x and an even number"},
		{[]string{"emit", "x", "y", "@missing"}, "missing"},
		{[]string{"emit", "x", "y", "@-", "@-"}, "@-: standard input can be read only once"},
		{[]string{"emit", "x", "y", "--auth", "[]"}, "--auth: a JSON object is needed"},
		{[]string{"emit", "x", "y", "--auth", "null"}, "it is null"},
		{[]string{"emit", "x", "y", "--auth", "@missing"}, "--auth: open missing"},
		{[]string{"emit", "x", "y", "--transport", "webtransport"}, "--transport webtransport: it is websocket or polling"},
		{[]string{"emit", "x", "y", "--transport", "polling,polling"}, "--transport polling: named twice"},
		{[]string{"emit", "x", "y", "-H", "nothing"}, "a header is written 'Name: value'"},
		{[]string{"emit", "x", "y", "--query", "nothing"}, "a parameter is written name=value"},
		{[]string{"emit", "x", "y", "--cacert", "missing"}, "--cacert: open missing"},
		{[]string{"emit", "x", "y", "--cacert", "go.mod"}, "there is no PEM certificate in it"},
		{[]string{"emit", "x", "y", "--timeout", "0s"}, "--timeout 0s: it must be positive"},
		{[]string{"emit", "x", "y", "--eio", "3"}, "this client speaks Engine.IO 4"},
		{[]string{"emit", "x", "y", "--eio", "5"}, "there is no such protocol"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()
			run1(t, test.args...).want(t, exitUsage, "", test.err)
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	run1(t, "--help").want(t, exitOK, "Exit codes:", "")
	run1(t).want(t, exitOK, "Exit codes:", "")
	run1(t, "--version").want(t, exitOK, "socketio version ", "")
	for _, command := range []string{"connect", "emit", "listen"} {
		run1(t, command, "--help").want(t, exitOK, "--namespace", "")
	}
}
