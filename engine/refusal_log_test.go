package engine_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

// The parts of a refused request are shortened in the log and in the text of the error that
// OnConnectionError receives.
func TestLogOfARefusalIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 20_000)
	for name, send := range map[string]func(h *harness) reply{
		"sid":       func(h *harness) reply { return h.request("GET", "transport=polling&sid="+long, "") },
		"transport": func(h *harness) reply { return h.request("GET", "transport="+long, "") },
		"revision":  func(h *harness) reply { return h.request("GET", "transport=polling&EIO="+long, "") },
		"method":    func(h *harness) reply { return h.request(strings.ToUpper(long), "transport=polling", "") },
		"origin":    func(h *harness) reply { return h.request("GET", "transport=polling", "", "Origin", "http://"+long) },
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer // written before the answer is
			h := start(t, &engine.ServerOptions{
				Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			if r := send(h); r.status/100 != 4 {
				t.Fatalf("answered %d", r.status)
			}
			if n := len(h.lastRefusal().Error()); n > 2000 || log.Len() > 2000 {
				t.Errorf("the error has %d bytes, the log %d: %.500s", n, log.Len(), &log)
			}
		})
	}
}
