// Package redact keeps passwords that are part of URLs out of texts.
package redact

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// hidden stands for what is left out, as it does for [url.URL.Redacted].
const hidden = "xxxxx"

// URL returns a URL, valid or not, without its password. Of one that cannot be
// understood it leaves out all that may be one.
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
	// Package url quotes what it takes for the port, or for an escape sequence. That may
	// be a part of a password with a slash or a percent sign.
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
