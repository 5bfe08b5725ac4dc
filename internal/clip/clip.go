// Package clip cuts texts that quote a peer, so that no peer decides how much is
// written to a log.
package clip

import (
	"fmt"
	"log/slog"
	"unicode/utf8"
)

const (
	// Quote is the length in bytes of what is quoted of a peer: enough to recognise it.
	Quote = 256
	// Report is the length of the text of an error, or a panic, of the application,
	// which may quote a peer.
	Report = 1024
)

// Text returns s, or if that has more than limit bytes, its beginning and its length.
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

// Log returns err as an attribute of a log record that is cut to Report, which costs
// nothing unless the record is written.
func Log(err error) slog.LogValuer { return logged{err} }

type logged struct{ err error }

func (l logged) LogValue() slog.Value { return slog.AnyValue(Error(l.err, Report)) }

// Panic returns what a panic came with, or its text if that has to be cut.
func Panic(v any) any {
	if text := fmt.Sprint(v); len(text) > Report {
		return Text(text, Report)
	}
	return v
}
