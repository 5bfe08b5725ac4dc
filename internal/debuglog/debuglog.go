// Package debuglog selects debug messages by the part of the library that logs them.
package debuglog

import (
	"context"
	"log/slog"
	"os"
	"strings"
)

// ScopeKey is the attribute that names the part of the library that wrote a log
// record. Its values are "socket.io" and "engine".
const ScopeKey = "scope"

// New returns a handler that passes records to next if their level is at least info,
// or if pattern selects their scope.
func New(pattern string, next slog.Handler) slog.Handler {
	return &scopeHandler{next: next, scopes: parseScopes(pattern)}
}

// Default returns the default logger of a server: slog.Default or, if the
// environment variable DEBUG is set, a logger that writes the selected records
// as text to standard error.
func Default() *slog.Logger {
	pattern := os.Getenv("DEBUG")
	if pattern == "" {
		return slog.Default()
	}
	text := slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})
	return slog.New(New(pattern, text))
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

// matchScope reports whether scope matches pattern, in which * matches any text.
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

type scopeHandler struct {
	next   slog.Handler
	scopes scopes
	scope  string // of the logger; "" when its records name their own
}

func (h *scopeHandler) Enabled(ctx context.Context, level slog.Level) bool {
	if level < slog.LevelInfo && h.scope != "" && !h.scopes.match(h.scope) {
		return false
	}
	return h.next.Enabled(ctx, level)
}

func (h *scopeHandler) Handle(ctx context.Context, r slog.Record) error {
	scope := h.scope
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == ScopeKey {
			scope = a.Value.String()
		}
		return true
	})
	if r.Level < slog.LevelInfo && !h.scopes.match(scope) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

func (h *scopeHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	for _, a := range attrs {
		if a.Key == ScopeKey {
			c.scope = a.Value.String()
		}
	}
	c.next = h.next.WithAttrs(attrs)
	return &c
}

func (h *scopeHandler) WithGroup(name string) slog.Handler {
	c := *h
	c.next = h.next.WithGroup(name)
	return &c
}
