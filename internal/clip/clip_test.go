package clip_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

func TestText(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"12345678", "12345678"},
		{"123456789", "12345678... (9 bytes)"},
		{"1234567é", "1234567... (9 bytes)"},
		{"12345👋7", "12345... (10 bytes)"},
		{strings.Repeat("\x80", 10), strings.Repeat("\x80", 4) + "... (10 bytes)"},
	} {
		if got := clip.Text(test.in, 8); got != test.want {
			t.Errorf("Text(%q) is %q, want %q", test.in, got, test.want)
		}
	}
}

func TestError(t *testing.T) {
	if err := clip.Error(nil, 8); err != nil {
		t.Errorf("no error became %v", err)
	}
	if err := clip.Error(io.EOF, 8); err != io.EOF {
		t.Errorf("a short error became %#v", err)
	}
	long := errors.Join(io.EOF, errors.New(strings.Repeat("x", 100)))
	if err := clip.Error(long, 8); !errors.Is(err, io.EOF) || err.Error() != "EOF\nxxxx... (104 bytes)" {
		t.Errorf("a long error became %v", err)
	}
}

func TestLog(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, nil))
	big := strings.Repeat("x", 1<<20)
	logger.Error("m", "error", clip.Log(errors.New(big)), "panic", clip.Panic(big), "other", clip.Panic(7), "none", clip.Log(nil))
	if n := out.Len(); n > 3*clip.Report || !strings.Contains(out.String(), "other=7 none=<nil>") {
		t.Errorf("%d bytes were logged: %.3000s", n, &out)
	}
}
