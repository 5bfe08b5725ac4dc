package ws_test

import (
	"bytes"
	"compress/flate"
	"slices"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// compressed returns text as a client's compressed frame.
func compressed(text string) []byte {
	_, payload, _ := ws.Frames(ws.AppendDeflated(nil, ws.Text, []byte(text)))
	return frame(fin|rsv1|1, string(payload))
}

func deflating(limit int32) *ws.Reader { return &ws.Reader{MaxMessage: limit, Deflate: true} }

func TestDeflateRoundTrip(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a", "hello", large, strings.Repeat("ü", 1000)} {
		b := ws.AppendDeflated([]byte("kept"), ws.Text, []byte(text))
		if string(b[:4]) != "kept" || b[4] != fin|rsv1|1 {
			t.Fatalf("got frame % x", b[:6])
		}
		r := &ws.Reader{MaxMessage: 1 << 20, Client: true, Deflate: true}
		if got := readAll(r, b[4:]); !slices.Equal(got.messages, []string{"1:" + text}) {
			t.Errorf("%.20q came back as %.60v", text, got)
		}
	}
}

// The vectors of RFC 7692, section 7.2.3.
func TestDeflateVectors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, payload, want string }{
		{"one block", "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello"},
		{"no compression", "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "Hello"},
		{"final block", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "Hello"},
		{"two blocks", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "Hello"},
		{"empty", "\x00", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := readAll(deflating(100), frame(fin|rsv1|1, test.payload)); !slices.Equal(got.messages, []string{"1:" + test.want}) {
				t.Errorf("got %v", got)
			}
		})
	}
	t.Run("fragments", func(t *testing.T) {
		data := join(frame(rsv1|1, "\xf2\x48\xcd"), frame(fin|9, "p"), frame(fin, "\xc9\xc9\x07\x00"))
		if got := readAll(deflating(100), data); !slices.Equal(got.messages, []string{"9:p", "1:Hello"}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("uncompressed between", func(t *testing.T) {
		data := join(compressed("a"), frame(fin|1, "b"), compressed("c"))
		if got := readAll(deflating(100), data); !slices.Equal(got.messages, []string{"1:a", "1:b", "1:c"}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestDeflateRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		data []byte
		code int
	}{
		{"garbage", frame(fin|rsv1|1, "\xff\xff\xff"), ws.CloseInvalidPayload},
		{"nothing", frame(fin|rsv1|1, ""), ws.CloseInvalidPayload},
		{"back reference before the start", frame(fin|rsv1|2, "\x02\x01\x00\x00"), ws.CloseInvalidPayload},
		{"invalid UTF-8 inside", compressed("\xff"), ws.CloseInvalidPayload},
		{"RSV1 on a continuation", join(frame(rsv1|1, "\xf2"), frame(fin|rsv1, "\x48")), ws.CloseProtocolError},
		{"RSV1 on a ping", frame(fin|rsv1|9, ""), ws.CloseProtocolError},
		{"inflates to more than the limit", compressed(strings.Repeat("a", 101)), ws.CloseTooLarge},
		{"inflates to the limit", compressed(strings.Repeat("a", 100)), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := readAll(deflating(100), test.data); got.code() != test.code {
				t.Errorf("got %v, want code %d", got, test.code)
			}
		})
	}
}

// The decompression of a bomb stops at the limit, not at its end.
func TestDeflateBomb(t *testing.T) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 20 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	data := frame(fin|rsv1|2, b.String())
	allocated := allocatedBytes(func() {
		if got := readAll(deflating(200_000), data); got.code() != ws.CloseTooLarge {
			t.Errorf("20 MB: got error %v", got.err)
		}
	})
	if allocated > 2<<20 {
		t.Errorf("a bomb costs %d bytes", allocated)
	}
}
