package main

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/client"
)

// enter starts a member's page, which counts the member lists that it gets.
func enter(t *testing.T, url, nick string) (*client.Socket, *lists) {
	t.Helper()
	c := client.New(url, &client.Options{Auth: map[string]string{"nick": nick}})
	got := &lists{more: make(chan struct{}, 1)}
	c.On("online", got.add)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Disconnect() })
	return c, got
}

// lists are the member lists that a page has received.
type lists struct {
	mu     sync.Mutex // guards what follows
	n      int
	online []member
	more   chan struct{}
}

func (l *lists) add(online []member) {
	l.mu.Lock()
	l.n, l.online = l.n+1, online
	l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// await waits for a list of n members and returns the number of lists so far.
func (l *lists) await(t *testing.T, n int) int {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		l.mu.Lock()
		got, total := len(l.online), l.n
		l.mu.Unlock()
		if got == n {
			return total
		}
		select {
		case <-l.more:
		case <-deadline:
			t.Fatalf("no list of %d members within a minute; the last had %d", n, got)
		}
	}
}

func ask(t *testing.T, c *client.Socket, event string, args ...any) reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answer, err := client.Call[reply](ctx, c, event, args...)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func serve(t *testing.T) (url string) {
	t.Helper()
	c := newChat()
	server := httptest.NewServer(c)
	t.Cleanup(func() {
		if err := c.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return server.URL
}

// Joining the room that a member is in changes nothing, so nothing is announced.
func TestJoinOwnRoom(t *testing.T) {
	url := serve(t)
	ada, got := enter(t, url, "ada")
	before := got.await(t, 1)
	for range 100 {
		if answer := ask(t, ada, "join", rooms[0]); answer.Error != "" {
			t.Fatal(answer.Error)
		}
	}
	enter(t, url, "eve")
	if after := got.await(t, 2); after != before+1 {
		t.Errorf("%d lists came for one change", after-before)
	}
}

func TestPace(t *testing.T) {
	url := serve(t)
	ada, got := enter(t, url, "ada")
	before := got.await(t, 1)
	refused := 0
	const joins = 200
	for i := range joins {
		switch answer := ask(t, ada, "join", rooms[(i+1)%2]); answer {
		case reply{}:
		case slowDown:
			refused++
		default:
			t.Fatal(answer.Error)
		}
	}
	if refused == 0 || joins-refused < eventBurst {
		t.Errorf("%d of %d joins were refused", refused, joins)
	}
	enter(t, url, "eve")
	if lists := got.await(t, 2) - before; lists > joins-refused+1 {
		t.Errorf("%d lists came for %d changes", lists, joins-refused+1)
	}
}
