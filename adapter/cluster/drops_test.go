package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestDropsAreCountedAndLoggedRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		d := newDrops(slog.New(slog.NewTextHandler(&log, nil)))
		lines := func(want int) {
			t.Helper()
			if got := strings.Count(log.String(), "\n"); got != want {
				t.Errorf("logged %d lines, want %d:\n%s", got, want, &log)
			}
			log.Reset()
		}
		for range 3 {
			d.note(DropMalformed, "a", "/", errors.New("oops"))
			d.note(DropLimit, "a", "/", nil)
			d.note(DropMalformed, "b", "/", nil)
			d.note(DropLate, "c", "/", nil)
		}
		if s := log.String(); !strings.Contains(s, `reason=malformed node=a nsp=/ error=oops`) {
			t.Errorf("logged %q", s)
		}
		lines(2)
		time.Sleep(dropLogInterval)
		d.note(DropMalformed, "a", "/", nil)
		lines(1)
		for i := range 3 * maxDropSenders {
			d.note(DropUnknown, fmt.Sprint(i), "/", nil)
		}
		lines(maxDropSenders - 1 + 1) // a, b has expired; and one line for all others
		if n := len(d.logged); n > maxDropSenders+1 {
			t.Errorf("%d senders are kept", n)
		}
		d.note(DropUnknown, strings.Repeat("x", 1<<20), "/", nil)
		lines(0)
		if got := d.all(); got[DropMalformed] != 7 || got[DropLimit] != 3 || got[DropLate] != 3 || got[DropUnknown] != 3*maxDropSenders+1 || len(got) != 4 {
			t.Errorf("counted %v", got)
		}
	})
	for r := range dropReasons {
		if r.String() == "" {
			t.Errorf("reason %d has no text", r)
		}
	}
	if dropReasons.String() != "unknown" {
		t.Error("an unknown reason has a text")
	}
}
