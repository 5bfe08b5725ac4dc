package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/adapter"
)

func TestHealthReportsTheWorstState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var events []string
		h := newHealth(slog.New(slog.NewTextHandler(&log, nil)), func(e adapter.LinkEvent) {
			events = append(events, fmt.Sprint(e.Link, " ", e.State, " ", e.Err))
		})
		step := func(link string, source healthSource, s adapter.LinkState, err error) {
			h.set(link, source, s, err)
			h.wait(t.Context())
		}
		lost, deaf := errors.New("lost"), errors.New("deaf")
		step("bus", fromDriver, adapter.LinkUp, nil) // as it is without a report
		step("bus", fromPublisher, adapter.LinkDegraded, lost)
		step("bus", fromPublisher, adapter.LinkDegraded, lost)
		step("bus", fromProbe, adapter.LinkDown, deaf)
		step("bus", fromPublisher, adapter.LinkUp, nil)
		step("shard", fromDriver, adapter.LinkDegraded, lost)
		if s, err := h.state(); s != adapter.LinkDown || err != deaf {
			t.Errorf("the state is %v, %v", s, err)
		}
		step("bus", fromProbe, adapter.LinkUp, nil)
		if s, err := h.state(); s != adapter.LinkDegraded || err != lost {
			t.Errorf("the state is %v, %v", s, err)
		}
		step("shard", fromDriver, adapter.LinkUp, nil)
		want := []string{"bus degraded lost", "bus down deaf", "shard degraded lost", "bus up <nil>", "shard up <nil>"}
		if !slices.Equal(events, want) {
			t.Errorf("reported %q, want %q", events, want)
		}
		if n := strings.Count(log.String(), "\n"); n != len(want) {
			t.Errorf("logged %d lines:\n%s", n, &log)
		}
		if s, err := h.state(); s != adapter.LinkUp || err != nil {
			t.Errorf("the state is %v, %v", s, err)
		}
	})
}

// Changes during a slow report are coalesced, and set does not wait for it.
func TestHealthCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		var events []adapter.LinkState
		h := newHealth(slog.New(slog.DiscardHandler), func(e adapter.LinkEvent) {
			events = append(events, e.State)
			h := e.State == adapter.LinkDegraded
			if h {
				<-proceed
			}
		})
		h.set("bus", fromDriver, adapter.LinkDegraded, nil)
		synctest.Wait()
		for range 100 {
			h.set("bus", fromDriver, adapter.LinkUp, nil)
			h.set("bus", fromDriver, adapter.LinkDown, nil)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		h.wait(ended) // does not wait for the observer
		close(proceed)
		h.wait(t.Context())
		if want := []adapter.LinkState{adapter.LinkDegraded, adapter.LinkDown}; !slices.Equal(events, want) {
			t.Errorf("reported %v, want %v", events, want)
		}
	})
}

// An observer that ends its goroutine ends no later report.
func TestHealthSurvivesItsObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		h := newHealth(slog.New(slog.DiscardHandler), func(adapter.LinkEvent) {
			if n++; n == 1 {
				runtime.Goexit()
			}
		})
		h.set("bus", fromDriver, adapter.LinkDown, nil)
		h.wait(t.Context())
		h.set("bus", fromDriver, adapter.LinkUp, nil)
		h.wait(t.Context())
		if n != 2 {
			t.Errorf("reported %d changes, want 2", n)
		}
	})
}
