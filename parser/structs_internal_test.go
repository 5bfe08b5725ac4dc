package parser

import (
	"bytes"
	"encoding/base64"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/seed96b07ef8/socketio/internal/jsonscan"
)

// ordinary has a field of each kind that a structPlan supports.
type ordinary struct {
	Text     string `json:"text"`
	Other    text   `json:"other,omitempty"`
	Untagged string
	Yes      bool    `json:"yes"`
	Maybe    bool    `json:",omitempty"`
	N        int     `json:"n"`
	Small    int8    `json:"small,omitempty"`
	U        uint64  `json:"u"`
	Byte     uint8   `json:"byte,omitempty"`
	F        float64 `json:"f"`
	Inner    struct {
		X, Y int
		In   struct{} `json:"in,omitempty"`
	} `json:"inner"`
	Hidden string `json:"-"`
	_      int
}

type text string

var structTests = []string{
	`{}`, `{ }`, `null`, `[]`, `"x"`, `1`,
	`{"text":"a","other":"b","Untagged":"c","yes":true,"Maybe":true,"n":-1,"small":-128,"u":18446744073709551615,"byte":255,"f":1.5,"inner":{"X":1,"Y":2,"in":{}}}`,
	" {\t\"n\" : 1 ,\n\"text\" : \"x\" , \"inner\" : { \"Y\" : 2 } , \"more\" : [ 1 , { } ] } ",
	`{"inner":{"X":1},"inner":{"Y":2},"n":1,"n":2}`,
	`{"TEXT":"a","untagged":"b","YES":true,"maybe":true,"iNNER":{"x":1}}`,
	`{"te\u0078t":"a"}`, `{"Ke\u0079":1}`, `{"te-xt":"a","te_xt":"b"}`, `{"unKnown":1,"unſeen":2,"yeſ":true,"ſmall":1}`,
	`{"text":"\u00e9\n\"\ud83d\ude00\ud800"}`, "{\"text\":\"\xff\"}", `{"text":"` + strings.Repeat("é", 20) + `"}`,
	`{"n":null,"text":"x"}`, `{"text":null}`, `{"inner":null}`, `{"text":1}`, `{"n":"1"}`, `{"yes":1}`, `{"inner":[]}`,
	`{"text":"x","n":1.5}`, `{"n":1e2}`, `{"n":-0}`, `{"u":-0}`, `{"u":-1}`, `{"small":128}`, `{"byte":256}`, `{"n":9223372036854775808}`,
	`{"n":999999999999999999}`, `{"n":1000000000000000000}`, `{"n":-9223372036854775808}`, `{"n":-9223372036854775809}`, `{"small":-129}`, `{"n":"-"}`,
	`{"f":1e400}`, `{"f":-0}`, `{"f":1E+2}`, `{"f":123456789012345678901234567890}`,
	`{"hidden":"x","Hidden":"x","secret":1,"-":"x"}`,
	`{"text":"x","a":{"b":[1,2,{"c":"]}"}]},"n":1}`, `{"":1}`,
}

// wantLikeLibrary compares the results of a plan with those of the library.
func wantLikeLibrary(t *testing.T, raw []byte) {
	t.Helper()
	raw, err := jsonscan.Single(raw, maxNesting)
	if err != nil {
		return
	}
	var before ordinary
	before.Text, before.Inner.X, before.Hidden = "old", 7, "old"
	got, want := before, before
	err = json.Unmarshal(raw, &want, decodeOptions)
	plan := newStructPlan(reflect.TypeFor[ordinary]())
	end, ok := plan.decode(raw, 0, nil, reflect.ValueOf(&got).Elem())
	switch {
	case ok && (err != nil || end != len(raw) || !reflect.DeepEqual(got, want)):
		t.Errorf("%s: got %+v, %d bytes of %d, want %+v, %v", raw, got, end, len(raw), want, err)
	case !ok && err == nil:
		if err := (jsonValues{}).DecodeValue(raw, nil, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, want %+v", raw, got, err, want)
		}
	}
	wantEncodedLikeLibrary(t, want)
}

func wantEncodedLikeLibrary(t *testing.T, v ordinary) {
	t.Helper()
	e := encoders.Get().(*encoder)
	defer e.release()
	want, err := e.run(nil, v, plainOptions)
	got, ok := e.appendStruct([]byte("x"), newStructPlan(reflect.TypeFor[ordinary]()), reflect.ValueOf(v))
	if ok && (err != nil || string(got) != "x"+string(want)) {
		t.Errorf("%+v: got %s, want %s, %v", v, got, want, err)
	}
}

func TestStructsLikeLibrary(t *testing.T) {
	t.Parallel()
	for _, raw := range structTests {
		wantLikeLibrary(t, []byte(raw))
	}
	for _, f := range []float64{1, -1, 0, math.Copysign(0, -1), 1e20, 1e21, 1e-6, 1e-7, 123456.789, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.NaN()} {
		wantEncodedLikeLibrary(t, ordinary{F: f})
	}
	for c := range rune(0x3000) {
		wantEncodedLikeLibrary(t, ordinary{Text: "a" + string(c)})
	}
	wantEncodedLikeLibrary(t, ordinary{Text: "\xff\xed\xa0\x80", Other: "<&>\u2028"})
}

func FuzzStructs(f *testing.F) {
	for _, raw := range structTests {
		f.Add([]byte(raw))
	}
	f.Fuzz(wantLikeLibrary)
}

type tagged struct {
	time.Duration
}

// Types with unusual fields are left to the library.
func TestStructsForLibrary(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		1, time.Time{}, tagged{}, struct{ T time.Time }{}, struct{ T *int }{}, struct{ T any }{}, struct{ T []int }{},
		struct{ T map[string]int }{}, struct{ T func() }{}, struct{ T uintptr }{}, struct{ T float32 }{}, struct{ T [1]int }{}, struct{ T named }{},
		struct {
			T int `json:",string"`
		}{},
		struct {
			T int `json:"a b"`
		}{},
		struct {
			T int `json:"'t'"`
		}{},
		struct {
			A int `json:"x"`
			B int `json:"X"`
		}{},
		struct{ base64.CorruptInputError }{},
	} {
		if newStructPlan(reflect.TypeOf(v)) != nil {
			t.Errorf("%T has a plan", v)
		}
	}
}

type named []byte

func TestStructsWithBinary(t *testing.T) {
	t.Parallel()
	type file struct {
		Name  string `json:"name"`
		Data  []byte `json:"data"`
		Extra []byte `json:"extra,omitempty"`
	}
	in := file{"x", []byte("blob"), []byte{}}
	data, attachments, err := JSON.Append(nil, Header{Type: Event}, "e", []any{in})
	if err != nil || string(data) != `51-["e",{"name":"x","data":{"_placeholder":true,"num":0}}]` || len(attachments) != 1 {
		t.Fatalf("got %s, %q, %v", data, attachments, err)
	}
	dec := JSON.NewDecoder(Limits{})
	if _, err := dec.Decode(data, false); err != nil {
		t.Fatal(err)
	}
	p, err := dec.Decode(attachments[0], true)
	if err != nil {
		t.Fatal(err)
	}
	var out file
	if err := p.Args.DecodeAt(0, &out); err != nil || out.Name != "x" || !bytes.Equal(out.Data, in.Data) || &out.Data[0] == &in.Data[0] {
		t.Errorf("got %+v, %v", out, err)
	}
}
