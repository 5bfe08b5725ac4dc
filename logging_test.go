package socketio_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

func TestDebugHandler(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, scope string
		want           bool
	}{
		{"*", "engine", true},
		{"engine", "engine", true},
		{"engine", "socket.io", false},
		{"socket.io:*,engine", "socket.io", true},
		{"socket.io:*", "socket.io:server", true},
		{"socket.io:*", "engine", false},
		{"*,-engine", "engine", false},
		{"*,-engine", "socket.io", true},
		{"s*t.i*", "socket.io", true},
		{"s*t.i", "socket.io", false},
		{"", "engine", false},
		{"a b", "b", true},
	} {
		var log logBuffer
		h := socketio.DebugHandler(c.pattern, slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		logger := slog.New(h)
		logger.Debug("by the record", "scope", c.scope)
		logger.With("scope", c.scope).Debug("by the logger")
		logger.WithGroup("g").Info("always")
		text := log.String()
		if strings.Contains(text, "by the record") != c.want || strings.Contains(text, "by the logger") != c.want {
			t.Errorf("pattern %q, scope %q: %s", c.pattern, c.scope, text)
		}
		if !strings.Contains(text, "always") {
			t.Errorf("pattern %q suppresses level info", c.pattern)
		}
	}
}

// Misbehaviour of clients is logged at debug level, with the session's ID.
func TestLogging(t *testing.T) {
	t.Parallel()
	var log logBuffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	io, url, _ := newServer(t, &socketio.Options{Logger: logger})
	io.On("boom", func() { panic("ouch") })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`42["boom"]`)
	c.Expect(`41`)
	c.TrySend(`4x`)
	c.ExpectClosed()
	waitFor(t, "the log", func() bool { return strings.Contains(log.String(), "connection closed") })
	for _, want := range []string{
		"scope=engine", "scope=socket.io", "sid=" + c.SID, "protocol violation", "unknown packet type",
		"panic in a handler", "ouch", "level=ERROR",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not contain %q:\n%s", want, log.String())
		}
	}
}
