package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// The error of a question names the event, the namespace and the socket, and matches what
// kept the answer from arriving.
func TestErrorsOfQuestionsNameThem(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	nsp := io.Of("/chat")
	_, a := wiretest.Join(t, url, "websocket", "/chat")
	client, b := wiretest.Join(t, url, "websocket", "/chat")
	waitFor(t, "the sockets", func() bool { return len(nsp.Sockets()) == 2 })
	line := func(sid, why string) string {
		return `socketio: event "ask" of /chat to ` + sid + ": no acknowledgement: " + why
	}
	collect := func(acks iter.Seq2[socketio.Ack, error]) error {
		_, err := socketio.Collect(acks)
		return err
	}
	const late = "context deadline exceeded"
	s := nsp.Socket(a)
	remote, err := nsp.In(b).FetchSockets(t.Context())
	if err != nil || len(remote) != 1 {
		t.Fatalf("got %v, %v, want one socket", remote, err)
	}
	_, asked := s.Timeout(time.Millisecond).EmitWithAck(t.Context(), "ask")
	_, called := socketio.Call[int](t.Context(), s.Timeout(time.Millisecond), "ask")
	ctx, cancel := context.WithTimeout(t.Context(), wiretest.Timeout)
	defer cancel()
	go func() { // ends when the question has arrived
		client.Read()
		cancel()
	}()
	_, elsewhere := remote[0].EmitWithAck(ctx, "ask")
	everyone := collect(nsp.Timeout(time.Millisecond).EmitWithAck(t.Context(), "ask"))
	s.Disconnect()
	_, ended := s.EmitWithAck(t.Context(), "ask")
	both := []string{line(a, late), line(b, late)}
	slices.Sort(both)
	for _, test := range []struct {
		name      string
		err, also error
		want      []string
	}{
		{"EmitWithAck", asked, context.DeadlineExceeded, []string{line(a, late)}},
		{"Call", called, context.DeadlineExceeded, []string{line(a, late)}},
		{"RemoteSocket", elsewhere, context.Canceled, []string{line(b, "context canceled")}},
		{"Collect", everyone, context.DeadlineExceeded, both},
		{"disconnected", ended, net.ErrClosed, []string{line(a, "socket disconnected: server namespace disconnect")}},
	} {
		if !errors.Is(test.err, test.also) {
			t.Errorf("%s: got %v, want an error that matches %v", test.name, test.err, test.also)
			continue
		}
		got := strings.Split(test.err.Error(), "\n")
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// The text of Collect's error counts equal lines and is bounded; its Unwrap is not.
func TestCollectCountsEqualErrors(t *testing.T) {
	t.Parallel()
	equal := errors.New("late")
	var errs []error
	for i := range 30 {
		errs = append(errs, equal, fmt.Errorf("socket %d", i))
	}
	_, err := socketio.Collect(func(yield func(socketio.Ack, error) bool) {
		for _, err := range errs {
			if !yield(socketio.Ack{}, err) {
				return
			}
		}
	})
	want := "late (30 times)\n"
	for i := range 19 {
		want += fmt.Sprintf("socket %d\n", i)
	}
	if want += "and 11 more"; err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if got := err.(interface{ Unwrap() []error }).Unwrap(); !slices.Equal(got, errs) {
		t.Errorf("Unwrap returned %v, want %v", got, errs)
	}
}
