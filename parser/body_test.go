package parser_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
)

// A packet that is made of a Body is the one that the codec makes of the arguments.
func TestBody(t *testing.T) {
	t.Parallel()
	for _, args := range [][]any{
		nil,
		{1, "two", nil, map[string]any{"a": []any{1.5}}},
		{[]byte("one"), map[string]any{"deep": []byte("two")}},
	} {
		body, err := parser.EncodeBody("news", args)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range []parser.Header{
			{Type: parser.Event},
			{Type: parser.Event, Namespace: "/", ID: 7, HasID: true},
			{Type: parser.Event, Namespace: "/chat", ID: 12, HasID: true},
		} {
			for _, last := range []string{"", `ab"c.1`} {
				all := slices.Clone(args)
				if last != "" {
					all = append(all, last)
				}
				want, attachments, err := parser.JSON.Append([]byte("before"), h, "news", all)
				if err != nil {
					t.Fatal(err)
				}
				got, err := body.Append([]byte("before"), h, last)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("made %q, %v, want %q", got, err, want)
				}
				if !slices.EqualFunc(body.Attachments, attachments, bytes.Equal) {
					t.Errorf("attachments %q, want %q", body.Attachments, attachments)
				}
			}
		}
		p, err := body.Packet(parser.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		again, err := parser.EncodeBody(p.Event, []any{p.Args})
		if err != nil || !bytes.Equal(again.JSON, body.JSON) || !slices.EqualFunc(again.Attachments, body.Attachments, bytes.Equal) {
			t.Errorf("decoded and encoded again: %q, %v, want %q", again, err, body)
		}
	}
	body, err := parser.EncodeBody("news", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := body.Append(nil, parser.Header{Namespace: "/a,b"}, ""); err == nil {
		t.Error("a namespace that cannot be encoded is accepted")
	}
	if _, err := parser.EncodeBody("connect", nil); err == nil {
		t.Error("a reserved name is accepted")
	}
}

// A Body does not change with the arguments, nor with a packet that was made of it.
func TestBodyIsACopy(t *testing.T) {
	t.Parallel()
	data := []byte("data")
	body, err := parser.EncodeBody("news", []any{data})
	if err != nil {
		t.Fatal(err)
	}
	data[0] = 'X'
	p, err := body.Packet(parser.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var own []byte
	if err := p.Args.Take(&own); err != nil {
		t.Fatal(err)
	}
	own[1] = 'X'
	if got := string(body.Attachments[0]); got != "data" {
		t.Errorf("the attachment has become %q", got)
	}
}

func TestBodyOfAnotherNode(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]parser.Body{
		"empty":              {},
		"object":             {JSON: []byte(`{}`)},
		"no event":           {JSON: []byte(`[]`)},
		"reserved":           {JSON: []byte(`["connect"]`)},
		"an ID":              {JSON: []byte(`1["news"]`)},
		"attachments":        {JSON: []byte(`1-["news"]`)},
		"truncated":          {JSON: []byte(`["news"`)},
		"more":               {JSON: []byte(`["news"][]`)},
		"missing attachment": {JSON: []byte(`["news",{"_placeholder":true,"num":1}]`), Attachments: [][]byte{nil}},
		"too many":           {JSON: []byte(`["news"]`), Attachments: make([][]byte, 11)},
	} {
		p, err := body.Packet(parser.Limits{})
		if wrong := new(parser.SyntaxError); p != nil || !errors.As(err, &wrong) {
			t.Errorf("%s: decoded as %v, %v, want a *SyntaxError", name, p, err)
		}
	}
}

// Only a Body with the places of its attachments can be sent to clients.
func TestCheckPlaceholders(t *testing.T) {
	t.Parallel()
	one, two := [][]byte{{1}}, [][]byte{{1}, {2}}
	for _, test := range []struct {
		json        string
		attachments [][]byte
		ok          bool
	}{
		{`["e",{"_placeholder":true,"num":0}]`, one, true},
		{`["e",{"_placeholder":true,"num":1},[{"_placeholder":true,"num":0}]]`, two, true},
		{`["e",{"_placeholder":true,"num":7}]`, nil, true}, // not a placeholder
		{`["e"]`, one, false},
		{`["e",{"_placeholder":true,"num":0}]`, two, false},
		{`["e",{"_placeholder":true,"num":1}]`, one, false},
		{`["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`, one, false},
		{`["e",{"_placeholder":true,"num":0},{"_placeholder":1,"num":null}]`, one, false},
		{`["e",{"_placeholder":true,"num":0}`, one, false},
		{``, one, false},
	} {
		b := parser.Body{JSON: []byte(test.json), Attachments: test.attachments}
		if err := b.CheckPlaceholders(); (err == nil) != test.ok {
			t.Errorf("%s with %d attachments: got %v", test.json, len(test.attachments), err)
		}
	}
}
