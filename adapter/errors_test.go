package adapter

import (
	"context"
	"errors"
	"testing"
)

func TestErrorTexts(t *testing.T) {
	for want, err := range map[string]error{
		`adapter: no answer from 1 other node ("ab")`: &PartialError{Missing: []NodeID{"ab"}},
		`adapter: no answer from 3 other nodes ("ab", "cd", ...): not connected to the other nodes`: &PartialError{
			Missing: []NodeID{"ab", "cd"}, Unknown: 1, Err: ErrUnavailable,
		},
		`adapter: no answer from 2 other nodes: context deadline exceeded`: &PartialError{Unknown: 2, Err: context.DeadlineExceeded},
		`adapter: no answer: not connected to the other nodes`:             &PartialError{Err: ErrUnavailable},
		`adapter: no answer from 12 other nodes ("a", "a", "a", "a", "a", "a", "a", "a", "a", "a", ...)`: &PartialError{
			Missing: []NodeID{"a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a"},
		},
		"adapter: a message of 2000 bytes to other nodes exceeds the limit of 1000": &TooLargeError{Size: 2000, Max: 1000},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if err := error(&PartialError{Err: ErrUnavailable}); !errors.Is(err, ErrUnavailable) {
		t.Error("a PartialError does not match its cause")
	}
}
