// Package clip truncates texts that quote a peer, so that a peer cannot decide
// how much is logged.
package clip

import (
	"fmt"
	"log/slog"
	"unicode/utf8"
)

const (
	// Quote is the maximum length in bytes of a quotation of a peer.
	Quote = 256
	// Report is the maximum length in bytes of the text of an application's error
	// or panic, which may quote a peer.
	Report = 1024
)

// Text returns s, or its beginning and its length if it has more than limit bytes.
func Text(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	end := limit
	for end > limit-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return fmt.Sprintf("%s... (%d bytes)", s[:end], len(s))
}

// Error returns err, or an error that wraps it if its text has more than limit bytes.
func Error(err error, limit int) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); len(text) > limit {
		return &clipped{text: Text(text, limit), err: err}
	}
	return err
}

type clipped struct {
	text string
	err  error
}

func (c *clipped) Error() string { return c.text }
func (c *clipped) Unwrap() error { return c.err }

// Log returns err as a log attribute that is truncated to Report bytes when the
// record is written.
func Log(err error) slog.LogValuer { return logged{err} }

type logged struct{ err error }

func (l logged) LogValue() slog.Value { return slog.AnyValue(Error(l.err, Report)) }

// Panic returns the value of a panic, or its truncated text if that has more than
// Report bytes.
func Panic(v any) any {
	if text := fmt.Sprint(v); len(text) > Report {
		return Text(text, Report)
	}
	return v
}
