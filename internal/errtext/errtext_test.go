package errtext

import (
	"errors"
	"testing"
)

func TestTexts(t *testing.T) {
	a, b := errors.New("engine: a"), errors.New("client: b\nc")
	for _, test := range []struct {
		err  error
		want string
	}{
		{Prefix("client", a), "client: a"},
		{Prefix("client: namespace /", Prefix("client", b)), "client: namespace /: b; c"},
		{Join("; ", a, b), "engine: a; b; c"},
		{Join(": ", b), "client: b\nc"},
		{Prefix("x", errors.New("plain: y")), "x: plain: y"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
		if !errors.Is(test.err, a) && !errors.Is(test.err, b) && test.want != "x: plain: y" {
			t.Errorf("%v matches none of its parts", test.err)
		}
	}
	if Prefix("x", nil) != nil {
		t.Error("no error becomes one")
	}
}
