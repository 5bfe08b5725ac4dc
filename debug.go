package socketio

import (
	"context"
	"log/slog"
	"os"
	"strings"
)

// scopeKey is the attribute that says which part of the library a log record
// comes from. Its values are "socket.io" and "engine".
const scopeKey = "scope"

// DebugHandler returns a [slog.Handler] that passes to next what the library logs
// at debug level in the scopes that pattern selects, and everything from level
// info on. A pattern is a list of scopes, separated by commas or blanks, in which
// * stands for anything and a leading - takes out: "socket.io,engine", "*,-engine".
// The record's attribute "scope" is what it is matched with; a pattern
// "socket.io:*" matches "socket.io", too.
//
// A server without a Logger uses it by itself when the environment variable DEBUG
// is set:
//
//	DEBUG=socket.io:*,engine ./server
func DebugHandler(pattern string, next slog.Handler) slog.Handler {
	return &debugHandler{next: next, scopes: parseScopes(pattern)}
}

// defaultLogger is the logger of a server that was given none.
func defaultLogger() *slog.Logger {
	pattern := os.Getenv("DEBUG")
	if pattern == "" {
		return slog.Default()
	}
	text := slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})
	return slog.New(DebugHandler(pattern, text))
}

// scopes is a parsed pattern.
type scopes struct{ in, out []string }

func parseScopes(pattern string) (s scopes) {
	for _, p := range strings.FieldsFunc(pattern, func(r rune) bool { return r == ',' || r == ' ' }) {
		if rest, ok := strings.CutPrefix(p, "-"); ok {
			s.out = append(s.out, rest)
		} else {
			s.in = append(s.in, p)
		}
	}
	return s
}

func (s scopes) match(scope string) bool {
	for _, p := range s.out {
		if matchScope(p, scope) {
			return false
		}
	}
	for _, p := range s.in {
		if matchScope(p, scope) {
			return true
		}
	}
	return false
}

// matchScope reports whether scope has the form of pattern, in which * stands for
// anything.
func matchScope(pattern, scope string) bool {
	if strings.TrimSuffix(pattern, ":*") == scope {
		return true
	}
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == scope
	}
	rest, ok := strings.CutPrefix(scope, parts[0])
	if !ok {
		return false
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, parts[last])
}

type debugHandler struct {
	next   slog.Handler
	scopes scopes
	scope  string // of the logger; "" when its records name their own
}

func (h *debugHandler) Enabled(ctx context.Context, level slog.Level) bool {
	if level < slog.LevelInfo && h.scope != "" && !h.scopes.match(h.scope) {
		return false
	}
	return h.next.Enabled(ctx, level)
}

func (h *debugHandler) Handle(ctx context.Context, r slog.Record) error {
	scope := h.scope
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == scopeKey {
			scope = a.Value.String()
		}
		return true
	})
	if r.Level < slog.LevelInfo && !h.scopes.match(scope) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

func (h *debugHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	for _, a := range attrs {
		if a.Key == scopeKey {
			c.scope = a.Value.String()
		}
	}
	c.next = h.next.WithAttrs(attrs)
	return &c
}

func (h *debugHandler) WithGroup(name string) slog.Handler {
	c := *h
	c.next = h.next.WithGroup(name)
	return &c
}
