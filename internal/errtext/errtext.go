// Package errtext formats errors in one line that starts with the name of the package
// that the application called, and of no other package.
package errtext

import (
	"fmt"
	"strings"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// The prefixes that errors of this module may have.
var speakers = []string{"client: ", "engine: ", "parser: ", "socketio: "}

// Detail returns the text of an error for use inside another error: in one line and
// without the name of its package.
func Detail(err error) string {
	text := err.Error()
	for _, s := range speakers {
		if rest, ok := strings.CutPrefix(text, s); ok {
			text = rest
			break
		}
	}
	return strings.ReplaceAll(text, "\n", "; ")
}

// Prefix returns an error that wraps err, with a prefix in front of its detail, or nil
// if err is nil.
func Prefix(prefix string, err error) error {
	if err == nil {
		return nil
	}
	return &prefixed{err, prefix}
}

type prefixed struct {
	error
	prefix string
}

func (e *prefixed) Error() string { return e.prefix + ": " + Detail(e.error) }

func (e *prefixed) Unwrap() error { return e.error }

// Join returns an error that matches all of errs, with their details in one line, or
// the only one.
func Join(separator string, errs ...error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return &joined{errs, separator}
}

type joined struct {
	errs      []error
	separator string
}

func (e *joined) Error() string {
	texts := []string{e.errs[0].Error()}
	for _, err := range e.errs[1:] {
		texts = append(texts, Detail(err))
	}
	return strings.Join(texts, e.separator)
}

func (e *joined) Unwrap() []error { return e.errs }

// Event returns the name of an event for an error, with the namespace if that is known.
// It truncates both to clip.Quote bytes.
func Event(event, namespace string) string {
	name := fmt.Sprintf("event %q", clip.Text(event, clip.Quote))
	if namespace != "" {
		name += " of " + clip.Text(namespace, clip.Quote)
	}
	return name
}
