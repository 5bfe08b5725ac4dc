// Package errtext makes texts of errors: one line, which begins with the package that
// the application has called and names no other.
package errtext

import "strings"

// The packages that errors may begin with.
var speakers = []string{"client: ", "engine: ", "parser: ", "socketio: "}

// Detail returns the text of an error for the end of another one: without the package
// that it begins with, in one line.
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
