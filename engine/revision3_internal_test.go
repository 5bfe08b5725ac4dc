package engine

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// webSocket returns the bytes of the message on a WebSocket.
func (m *Message) webSocket(v variant) []byte { return m.encoded(v.kind(m)) }

// encoded returns the bytes of the message in a form.
func (m *Message) encoded(kind formKind) []byte {
	if kind == framesForm {
		return m.frames
	}
	return new(total).encoded(m, kind)
}

// decode3 returns the packets of a payload, and how it ends. Binary data is marked
// with a star in front.
func decode3(t testing.TB, payload []byte, binary bool) (packets []string, err error) {
	cut := cutText3
	if binary {
		cut = cutBinary3
	}
	for more := true; more; {
		var p packet
		var rest []byte
		if p, rest, more, err = cut(payload); err != nil {
			return packets, err
		}
		if len(rest) >= len(payload) || more != (len(rest) > 0) {
			t.Fatalf("%d of %d bytes are left of %q, more is %v", len(rest), len(payload), payload, more)
		}
		payload = rest
		switch {
		case p.binary:
			packets = append(packets, "*"+string(p.typ)+string(p.data))
		case p.typ != 0:
			packets = append(packets, string(p.typ)+string(p.data))
		}
	}
	return packets, nil
}

// lengthened returns the binary form of one packet.
func lengthened(kind byte, content string) string {
	out := []byte{kind}
	for _, digit := range strconv.Itoa(len(content)) {
		out = append(out, byte(digit-'0'))
	}
	return string(out) + "\xff" + content
}

var payloads3 = []struct {
	name, payload string
	binary        bool
	packets       []string
	bad           bool
}{
	{name: "connect", payload: "2:40", packets: []string{"40"}},
	{name: "ping", payload: "1:2", packets: []string{"2"}},
	{name: "close, noop", payload: "1:11:6", packets: []string{"1", "6"}},
	{name: "unicode", payload: `15:42["txt","€😀"]`, packets: []string{`42["txt","€😀"]`}},
	{name: "three", payload: "6:4test16:4test26:4test3", packets: []string{"4test1", "4test2", "4test3"}},
	{name: "base64", payload: "6:4hello10:b4AQIDBA==", packets: []string{"4hello", "*4\x01\x02\x03\x04"}},
	{name: "base64 of nothing", payload: "2:b4", packets: []string{"*4"}},
	{name: "no packets", payload: "0:"},
	{name: "empty packets", payload: "0:1:20:0:", packets: []string{"2"}},
	{name: "zeros in front", payload: "0000002:4a", packets: []string{"4a"}},
	{name: "colons", payload: "4:4:::3:4::", packets: []string{"4:::", "4::"}},
	{name: "digits", payload: "4:41233:456", packets: []string{"4123", "456"}},
	{name: "bad UTF-8", payload: "3:4\xffa2:4b", packets: []string{"4\uFFFDa", "4b"}},

	{name: "empty", bad: true},
	{name: "no length", payload: ":4a", bad: true},
	{name: "no colon", payload: "4", bad: true},
	{name: "text", payload: "abc", bad: true},
	{name: "revision 4", payload: "4abc", bad: true},
	{name: "too short", payload: "3:4a", bad: true},
	{name: "too long", payload: "2:4a3:4bcd", packets: []string{"4a", "4bc"}, bad: true},
	{name: "trailing digits", payload: "2:4a1", packets: []string{"4a"}, bad: true},
	{name: "trailing text", payload: "2:4ax", packets: []string{"4a"}, bad: true},
	{name: "negative", payload: "-2:4a", bad: true},
	{name: "plus", payload: "+2:4a", bad: true},
	{name: "fraction", payload: "2.0:4a", bad: true},
	{name: "exponent", payload: "2e0:4a", bad: true},
	{name: "space", payload: " 2:4a", bad: true},
	{name: "length of bytes", payload: `18:42["txt","€😀"]`, bad: true},
	{name: "length of characters", payload: `14:42["txt","€😀"]`, packets: []string{`42["txt","€😀"`}, bad: true},
	{name: "half a pair", payload: "2:4😀", bad: true},
	{name: "wraps around", payload: "18446744073709551618:4a", bad: true},
	{name: "wraps around to negative", payload: "9223372036854775810:4a", bad: true},
	{name: "huge", payload: "999999999999999999:4a", bad: true},
	{name: "many digits", payload: strings.Repeat("0", 18) + "2:4a", bad: true},
	{name: "unknown type", payload: "2:7a", bad: true},
	{name: "letter", payload: "2:ca", bad: true},
	{name: "bad base64", payload: "4:b4!!", bad: true},
	{name: "binary without a type", payload: "1:b", bad: true},
	{name: "base64 of revision 4", payload: "5:bAAAA", bad: true},
	{name: "binary ping", payload: "6:b2AAAA", bad: true},

	{name: "binary text", binary: true, payload: "\x00\x06\xff4hello", packets: []string{"4hello"}},
	{name: "binary both", binary: true, payload: "\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04", packets: []string{"4hello", "*4\x01\x02\x03\x04"}},
	{name: "binary of 300 bytes", binary: true, payload: "\x01\x03\x00\x00\xff\x04" + strings.Repeat("\xff", 299), packets: []string{"*4" + strings.Repeat("\xff", 299)}},
	{name: "binary unicode", binary: true, payload: lengthened(0, "4€😀"), packets: []string{"4€😀"}},
	{name: "binary with bad UTF-8", binary: true, payload: lengthened(0, "4\xed\xa0\xbd"), packets: []string{"4\uFFFD"}},
	{name: "binary with base64", binary: true, payload: lengthened(0, "b4AQ=="), packets: []string{"*4\x01"}},
	{name: "binary of nothing", binary: true, payload: "\x01\x01\xff\x04", packets: []string{"*4"}},
	{name: "binary zeros in front", binary: true, payload: "\x00\x00\x00\x02\xff4a", packets: []string{"4a"}},

	{name: "binary: empty", binary: true, bad: true},
	{name: "binary: only a kind", binary: true, payload: "\x00", bad: true},
	{name: "binary: no end of the length", binary: true, payload: "\x00\x01", bad: true},
	{name: "binary: no length", binary: true, payload: "\x00\xff4a", bad: true},
	{name: "binary: kind 2", binary: true, payload: "\x02\x02\xff4a", bad: true},
	{name: "binary: kind as text", binary: true, payload: "0\x02\xff4a", bad: true},
	{name: "binary: digit as text", binary: true, payload: "\x002\xff4a", bad: true},
	{name: "binary: digit 10", binary: true, payload: "\x00\x0a\xff4abcdefghi", bad: true},
	{name: "binary: too short", binary: true, payload: "\x00\x03\xff4a", bad: true},
	{name: "binary: second too short", binary: true, payload: "\x00\x02\xff4a\x01\x02\xff\x04", packets: []string{"4a"}, bad: true},
	{name: "binary: no packet", binary: true, payload: "\x00\x00\xff", bad: true},
	{name: "binary: no type", binary: true, payload: "\x01\x00\xff", bad: true},
	{name: "binary: ping", binary: true, payload: "\x01\x01\xff\x02", bad: true},
	{name: "binary: type as text", binary: true, payload: "\x01\x01\xff4", bad: true},
	{name: "binary: unknown type", binary: true, payload: "\x00\x01\xff9", bad: true},
	{name: "binary: huge", binary: true, payload: "\x00" + strings.Repeat("\x09", 18) + "\xff4a", bad: true},
	{name: "binary: many digits", binary: true, payload: "\x00" + strings.Repeat("\x00", 18) + "\x02\xff4a", bad: true},
	{name: "binary: text payload", binary: true, payload: "2:4a", bad: true},
}

func TestPayload3(t *testing.T) {
	t.Parallel()
	for _, test := range payloads3 {
		t.Run(test.name, func(t *testing.T) {
			packets, err := decode3(t, []byte(test.payload), test.binary)
			if !slices.Equal(packets, test.packets) || (err != nil) != test.bad {
				t.Errorf("got %q and error %v, want %q and an error: %v", packets, err, test.packets, test.bad)
			}
		})
	}
}

func FuzzPayload3(f *testing.F) {
	for _, test := range payloads3 {
		f.Add([]byte(test.payload), test.binary)
	}
	f.Fuzz(func(t *testing.T, payload []byte, binary bool) {
		// What could be decoded is the same after encoding it, in either form.
		packets, _ := decode3(t, payload, binary)
		if len(packets) == 0 {
			return
		}
		var entries []entry
		hasBinary := false
		for _, p := range packets {
			switch {
			case p[0] == '*':
				hasBinary = true
				entries = append(entries, entry{m: NewBinaryMessage([]byte(p[2:]))})
			default:
				entries = append(entries, entry{m: newPacket(packetType(p[0]), p[1:])})
			}
		}
		for _, base64 := range []bool{false, true} {
			encoded, contentType := appendPayload3(nil, entries, base64, (*Message).encoded)
			if binary := hasBinary && !base64; (contentType == octetStream) != binary {
				t.Fatalf("%q has content type %s, want a binary one: %v", encoded, contentType, binary)
			}
			again, err := decode3(t, encoded, contentType == octetStream)
			if err != nil || !slices.Equal(again, packets) {
				t.Fatalf("%q became %q (%v) by way of %q", packets, again, err, encoded)
			}
		}
	})
}

// The forms of a message, and that each is made once however many get it.
func TestMessageForms3(t *testing.T) {
	text := NewTextMessage([]byte("2😀"))
	binary := NewBinaryMessage([]byte{1, 2})
	both := NewTextMessage([]byte("51-"), []byte{1}, []byte{2})
	frame := func(op ws.Opcode, s string) string { return string(ws.AppendFrame(nil, op, []byte(s))) }
	for _, test := range []struct {
		m                                          *Message
		webSocket, webSocket64, polling, polling64 string
	}{
		{text, frame(ws.Text, "42😀"), frame(ws.Text, "42😀"), "4:42😀", "4:42😀"},
		{binary, frame(ws.Binary, "\x04\x01\x02"), frame(ws.Text, "b4AQI="), "\x01\x03\xff\x04\x01\x02", "6:b4AQI="},
		{both, frame(ws.Text, "451-") + frame(ws.Binary, "\x04\x01") + frame(ws.Binary, "\x04\x02"),
			frame(ws.Text, "451-") + frame(ws.Text, "b4AQ==") + frame(ws.Text, "b4Ag=="),
			"\x00\x04\xff451-\x01\x02\xff\x04\x01\x01\x02\xff\x04\x02", "4:451-6:b4AQ==6:b4Ag=="},
	} {
		buf := make([]byte, 0, 1024)
		entries := []entry{{m: test.m}}
		for name, form := range map[string]struct {
			want   string
			encode func() []byte
		}{
			"WebSocket":           {test.webSocket, func() []byte { return test.m.webSocket(variant{revision3: true}) }},
			"WebSocket in base64": {test.webSocket64, func() []byte { return test.m.webSocket(variant{revision3: true, base64: true}) }},
			"polling":             {test.polling, func() []byte { b, _ := appendPayload3(buf, entries, false, (*Message).encoded); return b }},
			"polling in base64":   {test.polling64, func() []byte { b, _ := appendPayload3(buf, entries, true, (*Message).encoded); return b }},
		} {
			if got := string(form.encode()); got != form.want {
				t.Errorf("%s: got %q, want %q", name, got, form.want)
			}
			if n := testing.AllocsPerRun(10, func() { form.encode() }); n != 0 {
				t.Errorf("%s of %q: the second time takes %v allocations, want 0", name, test.m.frames, n)
			}
		}
		deflated := test.m.webSocket(variant{revision3: true, deflate: true})
		if got := inflateFrames(t, deflated); got != test.webSocket {
			t.Errorf("compressed: got %q, want %q", got, test.webSocket)
		}
		if again := test.m.webSocket(variant{revision3: true, deflate: true}); &again[0] != &deflated[0] {
			t.Error("compressed twice")
		}
	}
}

// Those of revision 4 are not made differently because of revision 3.
func TestMessageFormsDoNotMix(t *testing.T) {
	t.Parallel()
	m := NewTextMessage([]byte("51-"), []byte{1})
	plain := string(m.frames)
	for range 2 {
		if got := string(m.webSocket(variant{})); got != plain {
			t.Errorf("got %q, want %v", got, plain)
		}
		if got := string(m.encoded(pollingForm)); got != "451-\x1ebAQ==" {
			t.Errorf("got %q, want %q", got, "451-\x1ebAQ==")
		}
		if got := inflateFrames(t, m.webSocket(variant{deflate: true})); got != plain {
			t.Errorf("got %q, want %v", got, plain)
		}
		m.webSocket(variant{revision3: true, deflate: true})
		m.webSocket(variant{revision3: true, base64: true})
		appendPayload3(nil, []entry{{m: m}}, false, (*Message).encoded)
	}
	text := NewTextMessage([]byte("x"))
	for _, v := range []variant{{}, {revision3: true}, {base64: true}} {
		if got := text.webSocket(v); &got[0] != &text.frames[0] {
			t.Errorf("%+v: a text message was copied", v)
		}
	}
}

// inflateFrames returns frames as they would be without compression.
func inflateFrames(t *testing.T, b []byte) string {
	t.Helper()
	var out []byte
	for len(b) > 0 {
		var op ws.Opcode
		var payload []byte
		first := b[0]
		op, payload, b = ws.Frames(b)
		if first&0x40 != 0 {
			tail := "\x00\x00\xff\xff\x01\x00\x00\xff\xff"
			var err error
			payload, err = io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(payload), strings.NewReader(tail))))
			if err != nil {
				t.Fatal(err)
			}
		}
		out = ws.AppendFrame(out, op&0xf, payload)
	}
	return string(out)
}

func TestFormPayload(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ body, want string }{
		{"d=2%3A4a", "2:4a"},
		{"x=1&d=2%3A4a&d=3", "2:4a"},
		{"d=3:4+b", "3:4 b"},
		{"d=", ""},
		{`d=4\na`, "4\na"},
		{`d=4\\na`, `4\na`},
		{`d=4\\\na`, `4\\na`},
		{`d=4\\\\na`, `4\\\na`},
		{`d=4\\n\n\\n`, "4\\n\n\\n"},
		{`d=4\t\\t`, `4\t\\t`},
		{"d=%E2%82%AC%F0%9F%98%80", "€😀"},
	} {
		got, err := formPayload([]byte(test.body))
		if err != nil || string(got) != test.want {
			t.Errorf("%q: got %q, %v, want %q", test.body, got, err, test.want)
		}
	}
	for _, body := range []string{"", "d", "e=2:4a", "%64=2:4a", "d=%", "d=%zz", "2:4a", "xd=2:4a"} {
		if got, err := formPayload([]byte(body)); err == nil {
			t.Errorf("%q: got %q, want an error", body, got)
		}
	}
}

func TestJSONPScript(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ j, payload, want string }{
		{"0", "1:6", `___eio[0]("1:6");`},
		{"12", "4:4\"\\\n", `___eio[12]("4:4\"\\\n");`},
		{"", "1:6", `___eio[]("1:6");`},
		{"alert(1)//7;'\"<>", "1:6", `___eio[17]("1:6");`},
		{"０१", "1:6", `___eio[]("1:6");`},
		{"1", "4\u2028\u2029</script>&é😀", `___eio[1]("4\u2028\u2029</script>&é😀");`},
	} {
		if got := string(newJSONP(test.j).wrap([]byte(test.payload))); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	for _, payload := range []string{strings.Repeat("x", 100), "\x00\x1f\x7f"} {
		if got := string(newJSONP("1").wrap([]byte(payload))); len(got) < len(payload) || strings.ContainsAny(got, "\x00\x1f") {
			t.Errorf("got %q", got)
		}
	}
}

func BenchmarkMessage(b *testing.B) {
	m := NewTextMessage([]byte(strings.Repeat("x", 128)))
	both := NewTextMessage([]byte(strings.Repeat("x", 128)), make([]byte, 128))
	for _, v := range []variant{{}, {deflate: true}, {revision3: true}, {revision3: true, base64: true}} {
		b.Run(fmt.Sprintf("text/%+v", v), func(b *testing.B) {
			for b.Loop() {
				m.webSocket(v)
			}
		})
		b.Run(fmt.Sprintf("binary/%+v", v), func(b *testing.B) {
			for b.Loop() {
				both.webSocket(v)
			}
		})
	}
}
