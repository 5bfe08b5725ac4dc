package ws_test

import (
	"slices"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// FuzzReader checks that the messages of a stream do not depend on how it is
// split into reads, and that a Reader's memory is bounded by the number of
// received bytes.
func FuzzReader(f *testing.F) {
	for _, s := range streams {
		if len(s.data) < 1<<10 {
			f.Add(s.data, []byte{1}, byte(0))
			f.Add(s.data, []byte{3, 1, 200}, byte(7))
		}
	}
	f.Add(ws.AppendFrame(nil, ws.Text, []byte("unmasked")), []byte{2}, byte(1))
	f.Add(compressed("hello, hello, hello"), []byte{5}, byte(2))
	f.Add(frame(fin|2, large[:3000]), []byte{255, 1}, byte(4))
	f.Fuzz(func(t *testing.T, data, cuts []byte, flags byte) {
		reader := func() *ws.Reader {
			r := &ws.Reader{MaxMessage: 1000, Client: flags&1 != 0, Deflate: flags&2 != 0}
			if flags&4 != 0 {
				r.MaxMessage = 1 << 20
			}
			return r
		}
		want := readAll(reader(), data)

		r, i, total := reader(), 0, 0
		next := func() int {
			n := 1
			if len(cuts) > 0 {
				n = int(cuts[i%len(cuts)])
				i++
			}
			total += n
			if room := len(r.Space(nil)); room > max(64<<10+ws.MaxHeader, 4*total) {
				t.Fatalf("room for %d bytes after %d", room, total)
			}
			return n
		}
		got := feed(r, data, make([]byte, 64), next)
		if !slices.Equal(got.messages, want.messages) {
			t.Fatalf("got messages %q, want %q", got.messages, want.messages)
		}
		if got.code() != want.code() || (got.err == nil) != (want.err == nil) {
			t.Fatalf("got error %v, want %v", got.err, want.err)
		}
	})
}
