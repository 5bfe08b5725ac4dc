package parser_test

import (
	"testing"
)

// Take may hand attachments over, but never the same one twice.
func TestTake(t *testing.T) {
	for _, test := range []struct {
		args  string
		taken bool
	}{
		{`{"_placeholder":true,"num":0}`, true},
		{`{"num":0,"_placeholder":true},7,"x"`, true},
		{`{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}`, true},
		{`{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}`, false},
		{`{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":0}}`, false},
		{`{"_placeholder":true,"num":0},[]`, false},
	} {
		zero := []byte("zero")
		args := decode(t, `52-["e",`+test.args+`]`, zero, []byte("one")).Args
		var first []byte
		var second any
		if err := args.Take(&first, &second); err != nil || string(first) != "zero" {
			t.Errorf("%s: got %q, %v", test.args, first, err)
		}
		zero[0] = 'Z'
		if taken := first[0] == 'Z'; taken != test.taken {
			t.Errorf("%s: taken: %v, want %v", test.args, taken, test.taken)
		}
		if b, ok := second.([]byte); ok && string(b) != "zero" && string(b) != "one" {
			t.Errorf("%s: got %q as second", test.args, b)
		}
	}
	args := decode(t, `2["e","x",2]`).Args
	var s string
	var wrong bool
	if err := args.Take(&s); err != nil || s != "x" {
		t.Errorf("got %q, %v", s, err)
	}
	if err := args.Take(nil, &wrong); err == nil {
		t.Error("no error for a wrong type")
	}
}
