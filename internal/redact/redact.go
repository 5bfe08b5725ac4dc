// Package redact removes the passwords of URLs from texts.
package redact

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// hidden replaces a password, as in [url.URL.Redacted].
const hidden = "xxxxx"

// URL returns a URL without its password. From an invalid URL it removes
// everything that may be a password.
func URL(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		if u.User == nil {
			return raw
		}
		return u.Redacted()
	}
	at := strings.LastIndexByte(raw, '@')
	if at < 0 {
		return raw
	}
	start := 0
	if i := strings.Index(raw, "//"); i >= 0 && i < at {
		start = i + len("//")
	}
	return raw[:start] + hidden + raw[at:]
}

var (
	userinfo = regexp.MustCompile(`//[^"]*@`)
	// Package url quotes invalid ports and escape sequences, which may be parts of a
	// password with a slash or a percent sign.
	quoted = regexp.MustCompile(`(invalid port|invalid URL escape) "[^"]*"`)
)

// Reason returns the text of an error of [url.Parse], without the URL.
func Reason(err error) string {
	if parse, ok := errors.AsType[*url.Error](err); ok {
		err = parse.Err
	}
	return text(err)
}

func text(err error) string {
	return quoted.ReplaceAllString(userinfo.ReplaceAllString(err.Error(), "//"+hidden+"@"), "$1")
}

// Error returns an error that wraps err. Its text has no passwords.
func Error(err error) error {
	if err == nil {
		return nil
	}
	return &redacted{err, text(err)}
}

type redacted struct {
	error
	text string
}

func (e *redacted) Error() string { return e.text }

func (e *redacted) Unwrap() error { return e.error }
