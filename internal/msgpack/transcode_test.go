package msgpack_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/jsonscan"
	"github.com/seed96b07ef8/socketio/internal/msgpack"
)

const maxDepth = 100

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// text is MessagePack as JSON text with attachments.
func text(data []byte) (string, [][]byte, error) {
	x := msgpack.Text{Attach: true, MaxAttachments: 10}
	text, end, err := x.Append(nil, data, 0, maxDepth)
	if err == nil && end != len(data) {
		err = errors.New("trailing bytes")
	}
	return string(text), x.Attachments, err
}

func TestAppendJSON(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{`null`, "c0"}, {` true `, "c3"}, {`false`, "c2"},
		{`0`, "00"}, {`-0`, "00"}, {`127`, "7f"}, {`128`, "cc80"}, {`255`, "ccff"}, {`256`, "cd0100"}, {`65536`, "ce00010000"},
		{`4294967296`, "cf0000000100000000"}, {`18446744073709551615`, "cfffffffffffffffff"},
		{`-1`, "ff"}, {`-32`, "e0"}, {`-33`, "d0df"}, {`-128`, "d080"}, {`-129`, "d1ff7f"}, {`-32768`, "d18000"}, {`-2147483648`, "d280000000"}, {`-1e19`, "cbc3e158e460913d00"}, {`-32769`, "d2ffff7fff"}, {`-2147483649`, "d3ffffffff7fffffff"},
		{`-9223372036854775808`, "d38000000000000000"},
		{`1.5`, "cb3ff8000000000000"}, {`1.0`, "01"}, {`1e2`, "64"}, {`1e400`, "cb7ff0000000000000"}, {`18446744073709551616`, "cb43f0000000000000"},
		{`""`, "a0"}, {`"é"`, "a2c3a9"}, {`"\u00e9\n\""`, "a4c3a90a22"}, {`"\ud83d\ude00"`, "a4f09f9880"}, {`"\ud800"`, "a3efbfbd"}, {"\"\xff\"", "a3efbfbd"},
		{`[]`, "90"}, {`{}`, "80"}, {`[1,[2,{"a":null}]]`, "92 01 92 02 81 a161 c0"}, {` { "a" : [ 1 , 2 ] , "" : { } } `, "82 a161 920102 a0 80"},
		// A session of the Streams adapter.
		{`{"sid":"s","pid":"p","rooms":["s","r"],"data":{"k":1}}`, "84 a3736964 a173 a3706964 a170 a5726f6f6d73 92 a173 a172 a464617461 81 a16b 01"},
		{`{"\u0061":1,"a":2}`, "82 a161 01 a161 02"},
	} {
		got, err := msgpack.AppendJSON([]byte("x"), []byte(test.text), nil, maxDepth, msgpack.Notepack)
		if want := "78" + strings.ReplaceAll(test.want, " ", ""); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: got %x, %v, want %s", test.text, got, err, want)
		}
	}
}

// The flavors differ in integers that are spelled as floats.
func TestFlavors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, notepack, messagePack string }{
		{`1e15`, "cf00038d7ea4c68000", "cf00038d7ea4c68000"},
		{`1e19`, "cf8ac7230489e80000", "cf8ac7230489e80000"},
		{`10000000000000000000.0`, "cf8ac7230489e80000", "cb43e158e460913d00"},
		{`-1e18`, "d3f21f494c589c0000", "cbc3abc16d674ec800"},
		{`9007199254740993`, "cf0020000000000001", "cf0020000000000001"},
	} {
		for flavor, want := range map[msgpack.Flavor]string{msgpack.Notepack: test.notepack, msgpack.MessagePack: test.messagePack} {
			if test.text == `1e19` && flavor == msgpack.MessagePack {
				want = "cb43e158e460913d00"
			}
			got, err := msgpack.AppendJSON(nil, []byte(test.text), nil, maxDepth, flavor)
			if err != nil || hex.EncodeToString(got) != want {
				t.Errorf("%s in flavor %d: got %x, %v, want %s", test.text, flavor, got, err, want)
			}
		}
	}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	attachments := [][]byte{{1, 2}, {}}
	for _, test := range []struct{ text, want string }{
		{`[{"_placeholder":true,"num":1},{"a":{"_placeholder":true,"num":0}}]`, "92 c400 81 a161 c4020102"},
		// Not placeholders: other numbers, other forms.
		{`{"_placeholder":true,"num":2}`, "82 ac5f706c616365686f6c646572 c3 a36e756d 02"},
		{`{"_placeholder":true,"num":0,"a":1}`, "83 ac5f706c616365686f6c646572 c3 a36e756d 00 a161 01"},
		{`{"num":0,"_placeholder":true}`, "82 a36e756d 00 ac5f706c616365686f6c646572 c3"},
		{`{"_placeholder":true,"num":99999999999999999999}`, "82 ac5f706c616365686f6c646572 c3 a36e756d cb4415af1d78b58c40"},
	} {
		got, err := msgpack.AppendJSON(nil, []byte(test.text), attachments, maxDepth, msgpack.Notepack)
		if want := strings.ReplaceAll(test.want, " ", ""); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: got %x, %v, want %s", test.text, got, err, want)
		}
	}
}

func TestAppendJSONRefuses(t *testing.T) {
	t.Parallel()
	for _, invalid := range []string{``, ` `, `nul`, `[`, `[1`, `[1,`, `[1,]`, `[1 2]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `[]]`, `1 2`, "\"\n\"", `{"_placeholder":true,"num":`, `[}`} {
		if got, err := msgpack.AppendJSON(nil, []byte(invalid), [][]byte{{1}}, maxDepth, msgpack.Notepack); err == nil {
			t.Errorf("%s: got %x without an error", invalid, got)
		}
	}
	nested := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	if _, err := msgpack.AppendJSON(nil, []byte(nested), nil, maxDepth, msgpack.Notepack); err != nil {
		t.Errorf("depth %d: %v", maxDepth, err)
	}
	if _, err := msgpack.AppendJSON(nil, []byte("["+nested+"]"), nil, maxDepth, msgpack.Notepack); !errors.Is(err, msgpack.ErrTooDeep) {
		t.Errorf("depth %d: %v", maxDepth+1, err)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ data, want string }{
		{"c0", `null`}, {"c3", `true`}, {"cfffffffffffffffff", `18446744073709551615`}, {"d38000000000000000", `-9223372036854775808`},
		{"ca3fc00000", `1.5`}, {"cb3fb999999999999a", `0.1`}, {"cb7ff0000000000000", `null`}, {"cb7ff8000000000000", `null`}, {"cb8000000000000000", `0`},
		{"cb444b1ae4d6e2ef50", `1e+21`}, {"cb43e158e460913d00", `10000000000000000000`},
		{"a122", `"\""`}, {"a2c3a9", `"é"`}, {"a1ff", `"` + "\ufffd" + `"`}, {"a3eda080", `"` + "\ufffd\ufffd\ufffd" + `"`}, {"a201 0a", `"\u0001\n"`},
		{"93 01 90 80", `[1,[],{}]`}, {"83 a161 01 02 c0 ff a0", `{"a":1,"2":null,"-1":""}`}, {"81 cb3ff8000000000000 01", `{"1.5":1}`},
		// Undefined, as notepack.io 2 writes it.
		{"d40000", `null`}, {"92 d40000 01", `[null,1]`}, {"82 a161 d40000 a162 01", `{"b":1}`}, {"82 a162 01 a161 d40000", `{"b":1}`}, {"81 a161 d40000", `{}`},
		// Dates in all forms.
		{"d6ff 00000000", `"1970-01-01T00:00:00.000Z"`}, {"d7ff 1d535300 6553f100", `"2023-11-14T22:13:20.123Z"`},
		{"c70cff 3b8b87c0 ffffffffffffffff", `"1969-12-31T23:59:59.999Z"`}, {"c70cff 00000000 00000 7dba8218000", `"+275760-09-13T00:00:00.000Z"`},
		{"c70cff 00000000 7fffffffffffffff", `null`}, {"c70cff 00000000 8000000000000000", `null`},
		{"c70cff 00000000 fffff82457de8000", `"-271821-04-20T00:00:00.000Z"`}, {"c70cff 00000000 fffff82457de7fff", `null`},
		{"c70cff 00000000 fffffff1868b8400", `"0000-01-01T00:00:00.000Z"`}, {"c70cff 3b8b87c0 000007dba8218000", `null`},
		{"d700 0000018bcfe5687b", `"2023-11-14T22:13:20.123Z"`}, {"d700 ffffffffffffffff", `"1969-12-31T23:59:59.999Z"`}, {"d700 7fffffffffffffff", `null`},
		// Binary data, also as old notepack writes it, and unknown extensions.
		{"92 c4020102 c400", `[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`}, {"c7020001ff", `{"_placeholder":true,"num":0}`}, {"c7010007", `{"_placeholder":true,"num":0}`}, {"c708000102030405060708", `{"_placeholder":true,"num":0}`}, {"81 a161 c7010007", `{"a":{"_placeholder":true,"num":0}}`}, {"d500 0102", `{"_placeholder":true,"num":0}`},
		{"d6 05 01020304", `[5,{"_placeholder":true,"num":0}]`}, {"c703ff 010203", `[-1,{"_placeholder":true,"num":0}]`},
	} {
		got, _, err := text(unhex(t, test.data))
		if err != nil || got != test.want {
			t.Errorf("%s: got %s, %v, want %s", test.data, got, err, test.want)
		}
	}
}

func TestInt(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]int64{
		"00": 0, "ff": -1, "cf7fffffffffffffff": math.MaxInt64, "d38000000000000000": math.MinInt64, "cb4008000000000000": 3, "ca40400000": 3, "cbc3e0000000000000": math.MinInt64,
	} {
		token, _, err := msgpack.Next(unhex(t, data), 0)
		if n, ok := token.Int(); err != nil || !ok || n != want {
			t.Errorf("%s: got %d, %v, %v, want %d", data, n, ok, err, want)
		}
	}
	for _, data := range []string{"c0", "c3", "a131", "cf8000000000000000", "cb43e0000000000000", "cbc3e0000000000001", "cb3ff8000000000000", "cb7ff8000000000000", "cb7ff0000000000000", "90"} {
		token, _, err := msgpack.Next(unhex(t, data), 0)
		if n, ok := token.Int(); err != nil || ok {
			t.Errorf("%s: got %d, %v", data, n, err)
		}
	}
}

func TestTextWithoutAttachments(t *testing.T) {
	t.Parallel()
	got, end, err := new(msgpack.Text).Append(nil, unhex(t, "81 a161 c403010203 c0"), 0, 1)
	if err != nil || string(got) != `{"a":"AQID"}` || end != 8 {
		t.Errorf("got %s, %d, %v", got, end, err)
	}
}

func TestTextRefuses(t *testing.T) {
	t.Parallel()
	for _, invalid := range []string{
		"", "c1", "91", "81", "81a161", "a2ff", "cd01", "dcffff", "ddffffffff", "df7fffffff 00", "dbffffffff61", "c4", "c405 01", "c7", "c704ff010203", "d8ff00", "d6ff0102",
		"81c001", "819001", "81c400 01", "9101 01",
	} {
		if got, _, err := text(unhex(t, invalid)); err == nil {
			t.Errorf("%s: got %s without an error", invalid, got)
		}
	}
	if _, _, err := text(append([]byte{0x9b}, bytes.Repeat([]byte{0xc4, 0}, 11)...)); !errors.Is(err, msgpack.ErrTooMany) {
		t.Errorf("eleven attachments: %v", err)
	}
	nested := append(bytes.Repeat([]byte{0x91}, maxDepth), 0x90)
	if _, _, err := text(nested); !errors.Is(err, msgpack.ErrTooDeep) {
		t.Errorf("depth %d: %v", maxDepth+1, err)
	}
	if _, err := msgpack.Skip(nested, 0, maxDepth); !errors.Is(err, msgpack.ErrTooDeep) {
		t.Errorf("skipping depth %d: %v", maxDepth+1, err)
	}
	for _, f := range []func([]byte) error{
		func(data []byte) error { _, _, err := text(data); return err },
		func(data []byte) error { _, err := msgpack.Skip(data, 0, maxDepth); return err },
	} {
		if err := f(nested[1:]); err != nil {
			t.Errorf("depth %d: %v", maxDepth, err)
		}
	}
}

// Lengths need one byte, two or four.
func TestLengths(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536} {
		s := strings.Repeat("x", n)
		list := "[" + strings.TrimSuffix(strings.Repeat("1,", n), ",") + "]"
		object := "{" + strings.TrimSuffix(strings.Repeat(`"a":1,`, n), ",") + "}"
		for _, v := range []string{`"` + s + `"`, list, object, "[" + list + "," + object + "]", `{"_placeholder":true,"num":0}`} {
			data, err := msgpack.AppendJSON(nil, []byte(v), [][]byte{[]byte(s)}, maxDepth, msgpack.Notepack)
			if err != nil {
				t.Fatal(err)
			}
			got, attachments, err := text(data)
			if err != nil || got != v || attachments != nil && string(attachments[0]) != s {
				t.Errorf("%d: got %.100s, %v, want %.100s", n, got, err, v)
			}
			if end, err := msgpack.Skip(data, 0, maxDepth); err != nil || end != len(data) {
				t.Errorf("%d: skipped %d of %d bytes of %.100s, %v", n, end, len(data), v, err)
			}
		}
	}
}

// FuzzText checks that no MessagePack causes a panic, that Skip agrees, and that what JSON text
// it becomes becomes the same again.
func FuzzText(f *testing.F) {
	for _, seed := range []string{
		"93 01 90 80", "82 a161 d40000 a162 01", "d7ff 1d535300 6553f100", "c70cff 3b8b87c0 ffffffffffffffff", "d6 05 01020304", "92 c4020102 c400",
		"dc0002 dd00000001 a1ff de0001 a161 df00000000", "cb444b1ae4d6e2ef50", "83 a161 01 02 c0 ff a0",
	} {
		f.Add(unhex(f, seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		x := msgpack.Text{Attach: true, MaxAttachments: 10}
		got, end, err := x.Append(nil, data, 0, maxDepth)
		if err != nil || bytes.Contains(data, []byte("_placeholder")) { // what looks like one becomes one
			return
		}
		if skipped, err := msgpack.Skip(data, 0, maxDepth); err != nil || skipped != end {
			t.Fatalf("%x: %d bytes, but skipped %d, %v", data, end, skipped, err)
		}
		if !json.Valid(got) {
			t.Fatalf("%x became %s", data, got)
		}
		if 6*len(data)+64*len(x.Attachments)+64 < len(got) {
			t.Fatalf("%d bytes became %d", len(data), len(got))
		}
		for flavor := range msgpack.MessagePack + 1 {
			again, err := msgpack.AppendJSON(nil, got, x.Attachments, maxDepth+1, flavor)
			if err != nil {
				t.Fatalf("%s: %v", got, err)
			}
			y := msgpack.Text{Attach: true, MaxAttachments: 20}
			text, _, err := y.Append(nil, again, 0, maxDepth+1)
			if err != nil || !sameValues(t, text, got) {
				t.Fatalf("%s became %s, %v", got, text, err)
			}
			if !reflect.DeepEqual(x.Attachments, y.Attachments) {
				t.Fatalf("%s: attachments %x became %x", got, x.Attachments, y.Attachments)
			}
		}
	})
}

// sameValues reports whether JavaScript reads two texts as the same values.
func sameValues(t *testing.T, a, b []byte) bool {
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

// FuzzJSON checks that JSON text survives.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`[1,-1,1.5,1e300,"é\ud800",null,true]`, `{"a":{"b":[[],{}]},"a":1}`, `[{"_placeholder":true,"num":0}]`, ` [ ] `, `[1}`, `-0.0`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		packed, err := msgpack.AppendJSON(nil, data, nil, maxDepth, msgpack.Notepack)
		if _, scanErr := jsonscan.Single(data, maxDepth); (err == nil) != (scanErr == nil) {
			t.Fatalf("%q: got %v, but scanning says %v", data, err, scanErr)
		}
		if err != nil {
			return
		}
		got, _, err := text(packed)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		var a, b any
		if err := json.Unmarshal([]byte(got), &b); err != nil {
			t.Fatalf("%q became %q: %v", data, got, err)
		}
		if json.Unmarshal(data, &a) == nil && !reflect.DeepEqual(a, b) { // else a number is out of range
			t.Fatalf("%q became %q", data, got)
		}
	})
}
