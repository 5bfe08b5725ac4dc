package ctxerr

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	mine := errors.New("shutting down")
	background := context.Background()
	canceled, cancel := context.WithCancel(background)
	cancel()
	caused, cancelCause := context.WithCancelCause(background)
	cancelCause(mine)
	child, cancelChild := context.WithTimeout(caused, time.Hour)
	defer cancelChild()
	expired, cancelExpired := context.WithTimeoutCause(background, -1, mine)
	defer cancelExpired()
	for _, test := range []struct {
		name string
		ctx  context.Context
		want []error
		text string
	}{
		{"canceled", canceled, []error{context.Canceled}, "context canceled"},
		{"with a cause", caused, []error{context.Canceled, mine}, "context canceled: shutting down"},
		{"child", child, []error{context.Canceled, mine}, "context canceled: shutting down"},
		{"expired", expired, []error{context.DeadlineExceeded, mine}, "context deadline exceeded: shutting down"},
	} {
		err := Of(test.ctx)
		for _, want := range test.want {
			if !errors.Is(err, want) {
				t.Errorf("%s: %v does not match %v", test.name, err, want)
			}
		}
		if err == nil || err.Error() != test.text {
			t.Errorf("%s: %v, want %q", test.name, err, test.text)
		}
	}
	if err := Of(background); err != nil {
		t.Errorf("a context that has not ended: %v", err)
	}
}

// ending is a context that ends behind the first look at its error.
type ending struct {
	context.Context
	cancel context.CancelCauseFunc
}

func (e ending) Err() error {
	err := e.Context.Err()
	e.cancel(errors.New("shutting down"))
	return err
}

func TestOfContextThatEndsMeanwhile(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	for {
		err := Of(ending{ctx, cancel})
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("%v does not match context.Canceled", err)
		}
		if err != nil {
			return
		}
	}
}

func TestJoin(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	if err := Join(a, b); !errors.Is(err, a) || !errors.Is(err, b) || err.Error() != "a: b" {
		t.Error(err)
	}
	if Join(nil, b) != b || Join(a, nil) != a || Join(nil, nil) != nil {
		t.Error("a nil error counts")
	}
}
