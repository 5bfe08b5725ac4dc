package offset

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"
)

type word string

func TestUnmistakable(t *testing.T) {
	text := "bob"
	for _, last := range []any{"bob", word("bob"), &text, json.RawMessage(`"bob"`), time.Time{}, netip.Addr{}} {
		args := []any{1, last, "behind"}[:2]
		got := Unmistakable(args)
		if len(got) != 3 || got[2] != nil || got[0] != 1 {
			t.Errorf("%T: %v", last, got)
		}
		if behind := args[:3][2]; behind != "behind" {
			t.Errorf("%T: the caller's array was changed: %v", last, behind)
		}
	}
	for _, last := range []any{nil, 1, 2.5, true, []byte("bob"), []any{"bob"}, map[string]any{"a": "bob"}, []string{"bob"}, struct{ A string }{"bob"}, uint8(1), &struct{}{}, errors.New("bob")} {
		if args := []any{"first", last}; len(Unmistakable(args)) != 2 {
			t.Errorf("%T is taken for a text", last)
		}
	}
	if got := Unmistakable(nil); !slices.Equal(got, []any{nil}) {
		t.Errorf("no arguments become %v", got)
	}
}

func TestKnown(t *testing.T) {
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	for _, s := range []string{
		"Q7uWzas", "Q7uWzas.0", "Q7uWzas.1_", // of the reference, in January 2026
		"1692187534123-0", "1692187534123-17",
		"507f1f77bcf86cd799439011",
		"ab_D-9.1", "ab_D-9.zzzzzzzzzzzzz",
	} {
		if !Known(s, now) {
			t.Errorf("%q is not known", s)
		}
	}
	for _, s := range []string{
		"", "bob", "general", "Alexandra", "chicken", "typing...", "hello world", "2026-11-30", "1692187534123",
		"0000000", "_______", "Q7uWzas.", "Q7uWzas ", "user-17", "a.b", "name.surname", "507f1f77bcf86cd79943901g", "1692187534123-", "1692187534123-x", "ab_D-9.", "ab_D-9.zzzzzzzzzzzzzz",
	} {
		if Known(s, now) {
			t.Errorf("%q is known", s)
		}
	}
}
