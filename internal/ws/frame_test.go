package ws_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

func TestHeader(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		op         ws.Opcode
		compressed bool
		length     int
		want       string
	}{
		{ws.Text, false, 0, "8100"},
		{ws.Text, false, 1, "8101"},
		{ws.Binary, false, 125, "827d"},
		{ws.Binary, false, 126, "827e007e"},
		{ws.Text, false, 256, "817e0100"},
		{ws.Text, false, 0xffff, "817effff"},
		{ws.Text, false, 0x10000, "817f0000000000010000"},
		{ws.Binary, false, 1 << 30, "827f0000000040000000"},
		{ws.Text, true, 5, "c105"},
		{ws.Close, false, 0, "8800"},
		{ws.Ping, false, 3, "8903"},
		{ws.Pong, false, 3, "8a03"},
	} {
		t.Run(fmt.Sprintf("%x/%d/%v", byte(test.op), test.length, test.compressed), func(t *testing.T) {
			got := ws.AppendHeader([]byte("kept"), test.op, test.compressed, test.length)
			if string(got[:4]) != "kept" {
				t.Errorf("dst was changed: %x", got)
			}
			if hex := fmt.Sprintf("%x", got[4:]); hex != test.want {
				t.Errorf("got %s, want %s", hex, test.want)
			}
			if n := ws.HeaderLen(test.length); n != len(got)-4 {
				t.Errorf("HeaderLen is %d, the header has %d bytes", n, len(got)-4)
			}
		})
	}
}

func TestCloseFrame(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{
		ws.CloseNoStatus: "8800",
		ws.CloseNormal:   "880203e8",
		ws.CloseTooLarge: "880203f1",
	} {
		if got := fmt.Sprintf("%x", ws.AppendClose(nil, code)); got != want {
			t.Errorf("code %d: got %s, want %s", code, got, want)
		}
	}
}

func TestFrames(t *testing.T) {
	t.Parallel()
	payloads := []string{"", "a", string(make([]byte, 126)), string(make([]byte, 1<<16))}
	var b []byte
	for _, p := range payloads {
		b = ws.AppendFrame(b, ws.Text, []byte(p))
		b = ws.AppendFrame(b, ws.Binary, []byte(p))
	}
	for _, p := range payloads {
		for _, want := range []ws.Opcode{ws.Text, ws.Binary} {
			var op ws.Opcode
			var payload []byte
			op, payload, b = ws.Frames(b)
			if op != want || string(payload) != p {
				t.Fatalf("got opcode %x with %d bytes, want %x with %d", byte(op), len(payload), byte(want), len(p))
			}
		}
	}
	if len(b) != 0 {
		t.Errorf("%d bytes are left", len(b))
	}
}

// Masking uses words and vectors, so the test compares every length and
// alignment with the definition.
func TestMask(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, length, offset int) {
		payload := make([]byte, length)
		for i := range payload {
			payload[i] = byte(i*7 + i>>8)
		}
		dst := make([]byte, offset, offset+length+ws.MaxHeader)
		got := ws.AppendMaskedFrame(dst, ws.Binary, false, payload, key)[offset:]
		header := ws.AppendHeader(nil, ws.Binary, false, length)
		header[1] |= 0x80
		want := append(header, key[:]...)
		for i, b := range payload {
			want = append(want, b^key[i%4])
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("length %d at offset %d: wrong frame", length, offset)
		}
		r := server()
		r.Push(got)
		m, ok, err := r.Next()
		if err != nil || !ok || !bytes.Equal(m.Data, payload) {
			t.Fatalf("length %d at offset %d: unmasked to something else: %v, %v", length, offset, ok, err)
		}
	}
	for offset := range 9 {
		for length := range 300 {
			check(t, length, offset)
		}
		for _, length := range []int{511, 512, 513, 1023, 1024, 1025, 1536, 4099, 65535, 65536, 70001} {
			check(t, length, offset)
		}
	}
}
