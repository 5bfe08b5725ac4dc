package redact

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestURL(t *testing.T) {
	for raw, want := range map[string]string{
		"http://user:secret@example.com/a":     "http://user:xxxxx@example.com/a",
		"http://user@example.com/a":            "http://user@example.com/a",
		"http://example.com/a?b=c@d":           "http://example.com/a?b=c@d",
		"ftp://user:secret@example.com":        "ftp://user:xxxxx@example.com",
		"http://user:secret@exa mple.com/":     "http://xxxxx@exa mple.com/",
		"http://user:secret@example.com:port/": "http://xxxxx@example.com:port/",
		"http://user:sec/ret@example.com":      "http://xxxxx@example.com",
		"http://user:sec%zzret@example.com":    "http://xxxxx@example.com",
		"http://user:secret@":                  "http://xxxxx@",
		"http://user:secret@/x":                "http://xxxxx@/x",
		"user:secret@example.com":              "xxxxx@example.com",
		"http:/user:secret@example.com":        "xxxxx@example.com",
		"//user:secret@example.com":            "//user:xxxxx@example.com",
		"example.com":                          "example.com",
		"":                                     "",
	} {
		if got := URL(raw); got != want {
			t.Errorf("%q becomes %q, want %q", raw, got, want)
		}
	}
}

func TestError(t *testing.T) {
	for _, raw := range []string{
		"http://user:secret@exa mple.com", "http://user:secret@example.com:port", "http://user:secret/@example.com",
		"http://user:secret%zz@example.com", "http://user:%secret@example.com", "http://us er:secret@example.com",
	} {
		_, cause := url.Parse(raw)
		if cause == nil {
			t.Fatalf("%s is valid", raw)
		}
		for _, text := range []string{Reason(cause), Error(cause).Error(), Error(fmt.Errorf("invalid proxy address %q: %w", raw, cause)).Error()} {
			if strings.Contains(text, "secret") || strings.Contains(text, "se") && strings.Contains(text, "%") {
				t.Errorf("%s: %s", raw, text)
			}
		}
		if !errors.Is(Error(cause), cause) {
			t.Error("the error is not wrapped")
		}
	}
	if Error(nil) != nil {
		t.Error("no error becomes one")
	}
	plain := errors.New("plain")
	if Error(plain).Error() != "plain" {
		t.Error(Error(plain))
	}
}
