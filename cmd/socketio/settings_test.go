package main

import (
	"reflect"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// What people leave out of URLs is added.
func TestTarget(t *testing.T) {
	for _, test := range []struct {
		url, flag      string
		want, expected string // the URL and the namespace
	}{
		{"http://host", "", "http://host", "/"},
		{"http://host/", "", "http://host/", "/"},
		{"host:3000", "", "http://host:3000", "/"},
		{"localhost", "", "http://localhost", "/"},
		{":3000/a", "", "http://localhost:3000/a", "/a"},
		{"[::1]:3000", "", "http://[::1]:3000", "/"},
		{"wss://host/a/b?x=1", "", "wss://host/a/b?x=1", "/a/b"},
		{"https://user:secret@host/a%20b", "", "https://user:secret@host/a%20b", "/a%20b"},
		{"host/a", "b", "http://host/a", "/b"},
		// As given, and as package client has it: a server compares the bytes.
		{"host/\u00e4?x=/b", "", "http://host/%C3%A4?x=/b", "/\u00e4"},
		{"host/a b#/c", "", "http://host/a%20b#/c", "/a b"},
		{"host?x=/a", "", "http://host?x=/a", "/"},
		{"host/a", "/", "http://host/a", "/"},
	} {
		s := settings{namespace: test.flag, path: client.DefaultPath, eio: 4, timeout: time.Second}
		got, err := s.target(test.url, nil)
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		if got.url.String() != test.want || got.namespace != test.expected {
			t.Errorf("%s: got %s, namespace %s, want %s, %s", test.url, got.url, got.namespace, test.want, test.expected)
		}
		if ns := client.New(test.want, nil).Namespace(); test.flag == "" && test.url == test.want && ns != got.namespace {
			t.Errorf("%s: the client's namespace is %s, want %s", test.url, ns, got.namespace)
		}
	}
}

func TestTargetOptions(t *testing.T) {
	s := settings{
		path: "/ws", eio: 4, timeout: time.Second, noReconnect: true, insecure: true,
		transports: []string{"websocket"}, headers: []string{"a: b:c", "A:d", "Empty:"}, query: []string{"k=v=w", "k="},
	}
	target, err := s.target("x", nil)
	if err != nil {
		t.Fatal(err)
	}
	o := target.options
	if !o.NoReconnect || o.ConnectTimeout != time.Second || o.Path != "/ws/" || !o.Engine.TLSConfig.InsecureSkipVerify {
		t.Errorf("got %+v", o)
	}
	if !reflect.DeepEqual(o.Engine.Transports, []engine.Transport{engine.WebSocket}) || o.Engine.ConnectTimeout != time.Second {
		t.Errorf("got %v, %v", o.Engine.Transports, o.Engine.ConnectTimeout)
	}
	if h := o.Engine.Header; !reflect.DeepEqual(h["A"], []string{"b:c", "d"}) || h["Empty"] == nil {
		t.Errorf("got %v", h)
	}
	if q := o.Engine.Query; !reflect.DeepEqual(q["k"], []string{"v=w", ""}) {
		t.Errorf("got %v", q)
	}
}

func TestProtectNegative(t *testing.T) {
	for _, test := range []struct{ args, want []string }{
		{[]string{"emit", "-n", "x", "-1", "-1.5", "-", "-x", "--", "-1"}, []string{"emit", "-n", "x", " -1", " -1.5", "-", "-x", "--", "-1"}},
		{[]string{"emit", "x", "y", "--no-ack", "-1"}, []string{"emit", "x", "y", "--no-ack", " -1"}},
		{[]string{"emit", "x", "y", "--path=z", "-1"}, []string{"emit", "x", "y", "--path=z", " -1"}},
		{[]string{"emit", "x", "y", "--unknown", "-1"}, []string{"emit", "x", "y", "--unknown", " -1"}},
		// The values of flags are not values of the event.
		{[]string{"listen", "x", "-c", "-1", "--timeout", "-1s"}, []string{"listen", "x", "-c", "-1", "--timeout", "-1s"}},
	} {
		if got := protectNegative(newRoot(stdio{}), test.args); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q became %q, want %q", test.args, got, test.want)
		}
	}
}

func TestComplete(t *testing.T) {
	s := &session{}
	for _, event := range []string{"chat", "chat message", "chart", "ü1", "ü2", "chat"} {
		s.remember(event)
	}
	for _, test := range []struct {
		line string
		pos  int
		want string
		at   int
	}{
		{"/h", 2, "/help ", 6},
		{"/", 1, "/", 1},
		{"", 0, "", 0},
		{"ch", 2, "cha", 3},
		{"chat", 4, "chat ", 5},
		{`"`, 1, `"chat message" `, 15},
		{"ü", 2, "ü", 2},
		{"x", 1, "x", 1},
		{"/q x", 2, "/quit  x", 6},
	} {
		got, at, ok := s.complete(test.line, test.pos, '\t')
		if got != test.want || at != test.at || !ok {
			t.Errorf("%q: got %q, %d, want %q, %d", test.line, got, at, test.want, test.at)
		}
	}
	if _, _, ok := s.complete("/h", 2, 'x'); ok {
		t.Error("completed without the tab key")
	}
	if len(s.events) != 5 {
		t.Errorf("events: %q", s.events)
	}
}

func TestQuestionsAreBounded(t *testing.T) {
	s := &session{questions: make(map[int]question)}
	for range maxQuestions + 10 {
		s.note(question{})
	}
	if _, ok := s.questions[maxQuestions+10]; !ok || len(s.questions) != maxQuestions {
		t.Errorf("%d questions are kept", len(s.questions))
	}
}

func TestSplitEvent(t *testing.T) {
	for name, want := range map[string]struct {
		event string
		wants bool
	}{
		"a\x00":        {"a", false},
		"a\x007":       {"a", true},
		"a\x001\x00":   {"a\x001", false},
		"a":            {"a", false},
		"\x0018446744": {"", true},
	} {
		if event, wants := splitEvent(name); event != want.event || wants != want.wants {
			t.Errorf("%q: got %q, %v", name, event, wants)
		}
	}
}
