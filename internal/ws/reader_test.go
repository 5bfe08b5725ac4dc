package ws_test

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/blocks"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

var large = strings.Repeat("0123456789", 20_000)

// streams are byte streams that one side may receive. A code of 0 is no error; a
// negative one is a close frame of the peer.
var streams = []struct {
	name     string
	data     []byte
	messages []string
	code     int
}{
	{"text", frame(fin|1, "hello"), []string{"1:hello"}, 0},
	{"empty text", frame(fin|1, ""), []string{"1:"}, 0},
	{"binary", frame(fin|2, "\xff\x00"), []string{"2:\xff\x00"}, 0},
	{"126 bytes", frame(fin|1, large[:126]), []string{"1:" + large[:126]}, 0},
	{"65536 bytes", frame(fin|1, large[:65536]), []string{"1:" + large[:65536]}, 0},
	{"200000 bytes", frame(fin|2, large), []string{"2:" + large}, 0},
	{"several", join(frame(fin|1, "a"), frame(fin|2, "b"), frame(fin|1, "c")), []string{"1:a", "2:b", "1:c"}, 0},
	{"large between small", join(frame(fin|1, "a"), frame(fin|2, large), frame(fin|1, "c")), []string{"1:a", "2:" + large, "1:c"}, 0},
	{"ping and pong", join(frame(fin|9, "p"), frame(fin|10, "q")), []string{"9:p", "a:q"}, 0},
	{"ping of 125 bytes", frame(fin|9, large[:125]), []string{"9:" + large[:125]}, 0},

	{"fragments", join(frame(1, "a"), frame(0, "b"), frame(fin, "c")), []string{"1:abc"}, 0},
	{"large fragments", join(frame(2, large[:70_000]), frame(fin, large[70_000:])), []string{"2:" + large}, 0},
	{"empty fragments", join(frame(2, ""), frame(0, ""), frame(fin, "")), []string{"2:"}, 0},
	{"ping between fragments", join(frame(1, "a"), frame(fin|9, "p"), frame(fin, "b")), []string{"9:p", "1:ab"}, 0},
	{"close between fragments", join(frame(1, "a"), frame(fin|8, "\x03\xe8")), nil, -1000},
	{"UTF-8 split by fragments", join(frame(1, "\xe2\x82"), frame(fin, "\xac")), []string{"1:€"}, 0},
	{"two fragmented messages", join(frame(1, "a"), frame(fin, "b"), frame(2, "c"), frame(fin, "d")), []string{"1:ab", "2:cd"}, 0},

	{"text inside a message", join(frame(1, "a"), frame(fin|1, "b")), nil, 1002},
	{"continuation of nothing", frame(fin, "a"), nil, 1002},
	{"continuation after the end", join(frame(fin|1, "a"), frame(fin, "b")), []string{"1:a"}, 1002},
	{"fragmented ping", frame(9, "p"), nil, 1002},
	{"ping of 126 bytes", frame(fin|9, large[:126]), nil, 1002},
	{"opcode 3", frame(fin|3, "x"), nil, 1002},
	{"opcode 7", frame(fin|7, "x"), nil, 1002},
	{"opcode 11", frame(fin|11, "x"), nil, 1002},
	{"opcode 15", frame(fin|15, "x"), nil, 1002},
	{"RSV1 without deflate", frame(fin|rsv1|1, "x"), nil, 1002},
	{"RSV2", frame(fin|rsv2|1, "x"), nil, 1002},
	{"RSV3", frame(fin|rsv3|1, "x"), nil, 1002},
	{"RSV1 on a ping", frame(fin|rsv1|9, "x"), nil, 1002},
	{"not masked", ws.AppendFrame(nil, ws.Text, []byte("hi")), nil, 1002},
	{"message before the error", join(frame(fin|1, "a"), frame(fin|3, "")), []string{"1:a"}, 1002},

	{"invalid UTF-8", frame(fin|1, "a\xff"), nil, 1007},
	{"surrogate", frame(fin|1, "\xed\xa0\x80"), nil, 1007},
	{"cut-off UTF-8", frame(fin|1, "\xe2\x82"), nil, 1007},
	{"invalid UTF-8 in fragments", join(frame(1, "a"), frame(fin, "\xff")), nil, 1007},
	{"overlong UTF-8", frame(fin|1, "\xc0\xaf"), nil, 1007},

	{"a byte too much", frame(fin|2, string(make([]byte, 1<<18+1))), nil, 1009},
	{"a byte too much in fragments", join(frame(2, string(make([]byte, 1<<18))), frame(fin, "x")), nil, 1009},
	{"2^62 bytes announced", []byte{fin | 2, 0x80 | 127, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, nil, 1009},
	{"2^63 bytes announced", []byte{fin | 2, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, nil, 1009},

	{"close", frame(fin|8, ""), nil, -1005},
	{"close 1000", frame(fin|8, "\x03\xe8"), nil, -1000},
	{"close 1001 with a reason", frame(fin|8, "\x03\xe9going"), nil, -1001},
	{"close 3000", frame(fin|8, "\x0b\xb8"), nil, -3000},
	{"close 4999", frame(fin|8, "\x13\x87"), nil, -4999},
	{"close of one byte", frame(fin|8, "x"), nil, 1002},
	{"close 999", frame(fin|8, "\x03\xe7"), nil, 1002},
	{"close 1004", frame(fin|8, "\x03\xec"), nil, 1002},
	{"close 1005 sent", frame(fin|8, "\x03\xed"), nil, 1002},
	{"close 1006 sent", frame(fin|8, "\x03\xee"), nil, 1002},
	{"close 1015 sent", frame(fin|8, "\x03\xf7"), nil, 1002},
	{"close 5000", frame(fin|8, "\x13\x88"), nil, 1002},
	{"close with invalid UTF-8", frame(fin|8, "\x03\xe8\xff"), nil, 1007},
	{"nothing after close", join(frame(fin|8, ""), frame(fin|1, "late")), nil, -1005},
}

// chunkings returns functions that cut a stream in different ways.
func chunkings() map[string]func() int {
	random := rand.New(rand.NewPCG(1, 2))
	return map[string]func() int{
		"at once":      func() int { return 1 << 30 },
		"byte by byte": func() int { return 1 },
		"by threes":    func() int { return 3 },
		"random small": func() int { return 1 + random.IntN(20) },
		"random large": func() int { return 1 + random.IntN(20_000) },
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	for _, test := range streams {
		t.Run(test.name, func(t *testing.T) {
			for name, next := range chunkings() {
				if len(test.data) > 1000 && name != "at once" && name != "random large" {
					continue // slow, and no different
				}
				got := feed(server(), test.data, make([]byte, 16<<10), next)
				if !slices.Equal(got.messages, test.messages) {
					t.Errorf("%s: got messages %.200q, want %.200q", name, got.messages, test.messages)
				}
				if want := max(test.code, -test.code); got.code() != want {
					t.Errorf("%s: got error %v, want code %d", name, got.err, want)
				}
				if got.err != nil && got.err.(*ws.CloseError).Remote != (test.code < 0) {
					t.Errorf("%s: %v: wrong side", name, got.err)
				}
			}
		})
	}
}

func TestReaderAtTheClient(t *testing.T) {
	t.Parallel()
	r := &ws.Reader{MaxMessage: 100, Client: true}
	data := ws.AppendFrame(ws.AppendFrame(nil, ws.Text, []byte("hi")), ws.Binary, []byte("x"))
	if got := readAll(r, data); got.err != nil || !slices.Equal(got.messages, []string{"1:hi", "2:x"}) {
		t.Errorf("got %v", got)
	}
	if got := readAll(&ws.Reader{MaxMessage: 100, Client: true}, frame(fin|1, "x")); got.code() != ws.CloseProtocolError {
		t.Errorf("masked frame of a server: %v", got)
	}
}

func TestReaderLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		data []byte
		code int
	}{
		{"exact", frame(fin|2, "12345"), 0},
		{"one more", frame(fin|2, "123456"), ws.CloseTooLarge},
		{"exact in fragments", join(frame(2, "123"), frame(fin, "45")), 0},
		{"one more in fragments", join(frame(2, "123"), frame(fin, "456")), ws.CloseTooLarge},
		{"two of the exact size", join(frame(fin|2, "12345"), frame(fin|2, "12345")), 0},
		{"control frames do not count", join(frame(2, "123"), frame(fin|9, "123456789"), frame(fin, "45")), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := readAll(&ws.Reader{MaxMessage: 5}, test.data); got.code() != test.code {
				t.Errorf("got %v, want code %d", got, test.code)
			}
		})
	}
	t.Run("refused before it has arrived", func(t *testing.T) {
		if got := readAll(&ws.Reader{MaxMessage: 5}, frame(fin|2, "123456")[:6]); got.code() != ws.CloseTooLarge {
			t.Errorf("got %v", got)
		}
	})
}

// An announcement costs the peer ten bytes, so it must not cost us a megabyte
// (GHSA-6663-c963-2gqg and its relatives).
func TestReaderAnnouncedFrameAllocatesLittle(t *testing.T) {
	announce := func(n int) []byte { return frame(fin|2, string(make([]byte, n))) }
	start := announce(1 << 18)[:1000]
	readers := make([]*ws.Reader, 200)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range readers {
		readers[i] = server()
		if got := readAll(readers[i], start); got.err != nil || got.messages != nil {
			t.Fatal(got)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if perReader := int64(after.HeapAlloc-before.HeapAlloc) / int64(len(readers)); perReader > 80<<10 {
		t.Errorf("a reader that was announced 256 KiB holds %d bytes", perReader)
	}
	runtime.KeepAlive(readers)
}

// CVE-2026-48779: a message in tiny fragments must cost what its bytes do.
func TestReaderTinyFragments(t *testing.T) {
	const limit = 100_000
	r := &ws.Reader{MaxMessage: limit}
	one := frame(0, "x")
	b := join(frame(2, "x"), bytes.Repeat(one, limit-1))
	scratch := make([]byte, 16<<10)
	next := func() int { return len(scratch) }
	allocated := allocatedBytes(func() {
		if got := feed(r, b, scratch, next); got.err != nil {
			t.Error(got.err)
		}
	})
	if allocated > 10*limit {
		t.Errorf("%d fragments of one byte took %d bytes", limit, allocated)
	}
	if got := feed(r, one, scratch, next); got.code() != ws.CloseTooLarge {
		t.Errorf("got %v for one fragment too many", got)
	}
}

// allocatedBytes returns how much f allocates, also when it is freed again.
func allocatedBytes(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A large frame used to be copied with every segment that arrived of it, once a
// quarter of what there was room for was there.
func TestReaderLargeFrameInSegments(t *testing.T) {
	const size = 1_000_000
	data := frame(fin|2, string(make([]byte, size)))
	r, scratch := &ws.Reader{MaxMessage: size}, make([]byte, 16<<10)
	allocated := allocatedBytes(func() {
		r.Push(scratch[:copy(scratch[:1460], data)])
		for rest := data[1460:]; ; {
			m, ok, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				if len(m.Data) != size || !m.Owned {
					t.Errorf("got %d bytes, owned: %v", len(m.Data), m.Owned)
				}
				return
			}
			r.Park()
			space := r.Space(scratch)
			n := copy(space[:min(len(space), 1460)], rest)
			rest = rest[n:]
			r.Push(space[:n])
		}
	})
	if allocated > 3*size {
		t.Errorf("a frame of %d bytes took %d", size, allocated)
	}
}

// A frame that does not come in one piece gets memory that holds its payload and
// nothing else, so that a receiver which is done with it can give it to the next.
func TestReaderPayloadsCanBeUsedAgain(t *testing.T) {
	t.Parallel()
	r, scratch := server(), make([]byte, 16<<10)
	random := rand.New(rand.NewPCG(1, 2))
	var before []byte
	for i := range 200 {
		size := 20_000 + random.IntN(180_000)
		payload := bytes.Repeat([]byte{byte(i)}, size)
		data := join(frame(fin|1, "before"), frame(fin|2, string(payload)), frame(fin|1, "after"))
		got := keep(t, r, data, scratch, func() int { return 1 + random.IntN(20_000) })
		if len(got) != 3 || string(got[0]) != "before" || !bytes.Equal(got[1], payload) || string(got[2]) != "after" {
			t.Fatalf("round %d: %d messages, or wrong ones", i, len(got))
		}
		if before != nil && (before[0] != byte(i-1) || before[len(before)-1] != byte(i-1)) {
			t.Fatalf("round %d changed a message that was kept", i)
		}
		if before = nil; i%4 == 0 {
			before = got[1]
		} else {
			blocks.Put(got[1])
		}
	}
}

func TestReaderEmptyFragmentsCostNothing(t *testing.T) {
	r := server()
	readAll(r, frame(2, ""))
	chunk := bytes.Repeat(frame(0, ""), 1000)
	scratch := make([]byte, len(chunk))
	next := func() int { return len(chunk) }
	allocs := testing.AllocsPerRun(10, func() { feed(r, chunk, scratch, next) })
	if allocs > 0 {
		t.Errorf("%v allocations for 1000 empty fragments", allocs)
	}
}

func TestReaderIdle(t *testing.T) {
	t.Parallel()
	r := server()
	if !r.Idle() {
		t.Error("a new reader is not idle")
	}
	readAll(r, frame(fin|1, "hello")[:4])
	if r.Idle() {
		t.Error("idle with half a frame")
	}
	readAll(r, frame(fin|1, "hello")[4:])
	if !r.Idle() {
		t.Error("not idle after a message")
	}
	readAll(r, frame(1, "hello"))
	if r.Idle() {
		t.Error("idle with half a message")
	}
}

// A message that is not Owned shares the caller's memory and one that is does
// not: it can be kept while reading continues, even if the scratch buffer is
// overwritten.
func TestReaderOwned(t *testing.T) {
	t.Parallel()
	var data []byte
	var want []string
	for i := range 300 {
		payload := large[i : i+i*i%3000]
		data = append(data, frame(fin|2, payload)...)
		want = append(want, payload)
	}
	for name, next := range chunkings() {
		t.Run(name, func(t *testing.T) {
			kept := keep(t, server(), data, make([]byte, 4<<10), next)
			if len(kept) != len(want) {
				t.Fatalf("got %d messages, want %d", len(kept), len(want))
			}
			for i, m := range kept {
				if string(m) != want[i] {
					t.Fatalf("message %d was overwritten", i)
				}
			}
		})
	}
}

// A message that came in one piece is passed on without a copy.
func TestReaderDoesNotCopy(t *testing.T) {
	t.Parallel()
	data := frame(fin|2, "hello")
	r := server()
	r.Push(data)
	m, ok, err := r.Next()
	if !ok || err != nil || m.Owned {
		t.Fatalf("got %+v, %v, %v", m, ok, err)
	}
	if &m.Data[0] != &data[len(data)-5] {
		t.Error("the payload was copied")
	}
}

func TestCloseErrorText(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]*ws.CloseError{
		"websocket: closed by the peer: 1000 bye": {Code: 1000, Reason: "bye", Remote: true},
		"websocket: closed by the peer: 1005":     {Code: 1005, Remote: true},
		"websocket: unknown opcode (1002)":        {Code: 1002, Reason: "unknown opcode"},
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err.Error(), want)
		}
	}
}
