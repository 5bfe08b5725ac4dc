package parser_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/parser"
)

// Keys with methods. MarshalText of a string type is not called when the key is encoded.
type (
	textKey   struct{ A, B byte }
	stringKey string
	intKey    int
	ptrKey    struct{ A string }
	floatKey  float64
	jsonKey   string
)

func (k textKey) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%c-%c", k.A, k.B), nil }

func (k *textKey) UnmarshalText(text []byte) error {
	if len(text) != 3 {
		return fmt.Errorf("%q is not a valid key", text)
	}
	k.A, k.B = text[0], text[2]
	return nil
}

func (k stringKey) MarshalText() ([]byte, error) { return []byte("never"), nil }
func (k intKey) MarshalText() ([]byte, error)    { return fmt.Appendf(nil, "n%d", int(k)), nil }
func (k *ptrKey) MarshalText() ([]byte, error)   { return []byte(k.A), nil }
func (k jsonKey) MarshalJSON() ([]byte, error)   { return []byte(`"never"`), nil }

type mixed struct {
	S    string            `json:"s,omitempty"`
	N    int64             `json:"n,string"`
	F    float64           `json:"F"`
	U    uint8             `json:",omitempty"`
	P    *mixed            `json:"p,omitempty"`
	M    map[textKey]any   `json:"m"`
	K    map[stringKey]int `json:"k,omitempty"`
	Any  any               `json:"any"`
	List []any             `json:"list"`
	T    time.Time         `json:"t"`
	Skip string            `json:"-"`
	Raw  json.RawMessage   `json:"raw"`
	Num  json.Number       `json:"num"`
	promoted
	*Exported
}

type promoted struct{ E, S string }
type Exported struct{ X []int }

// valuesOf returns values of many types made from a fuzzer's inputs.
func valuesOf(s string, n int64, f float64, b bool) []any {
	at := time.Unix(n%1e9, n%1e9).UTC()
	k := textKey{byte(n)%26 + 'a', 'x'}
	m := mixed{
		S: s, N: n, F: f, U: uint8(n), M: map[textKey]any{k: s, {'z', 'z'}: []any{n}}, K: map[stringKey]int{stringKey(s): 1, "b": 2},
		Any: map[string]any{s: f, "b": b}, List: []any{s, nil, at}, T: at, Raw: json.RawMessage(`[1]`), Num: json.Number(fmt.Sprint(n)),
		promoted: promoted{E: s}, Exported: &Exported{[]int{int(n)}},
	}
	if b {
		m.P, m.Exported, m.Any, m.M = &mixed{S: s}, nil, nil, nil
	}
	return []any{
		s, n, f, b, float32(f), int8(n), uint64(n), []string{s, ""}, [2]float64{f, 1}, &s, &m, m, []mixed{m}, at, time.Duration(n),
		map[string]float64{s: f}, map[int64]string{n: s, 0: ""}, map[uint8]bool{uint8(n): b}, map[textKey]int{k: 1}, map[stringKey]string{stringKey(s): s, "z": ""},
		map[intKey]int{intKey(n): 1}, map[jsonKey]int{jsonKey(s): 1}, map[*ptrKey]int{{s}: 1}, map[string]map[stringKey][]any{s: {stringKey(s): {f}}},
		map[netip.Addr]int{netip.AddrFrom4([4]byte{byte(n), 1, 2, 3}): 1}, big.NewInt(n), []any{s, n, f, b, nil, map[string]any{s: s}},
		struct {
			A any `json:",omitempty"`
			B map[stringKey]int
		}{map[stringKey]any{stringKey(s): n}, nil},
		// Values that encoding/json does not encode.
		map[float64]int{f: 1}, map[floatKey]string{floatKey(f): s}, map[bool]int{b: 1}, map[any]any{s: n}, map[ptrKey]int{{s}: 1}, map[any]int(nil),
		map[float64]int{}, []any{map[any]any{}}, struct{ A any }{map[float64]int{}}, map[string]map[[2]int]int{s: {}}, map[fmt.Stringer]int{}, map[complex128]int{},
	}
}

// FuzzEncodeLikeEncodingJSON checks that values are encoded as by encoding/json, except
// for the differences that the package documents.
func FuzzEncodeLikeEncodingJSON(f *testing.F) {
	f.Add("text", int64(7), 1.5, true)
	f.Add("<&\u2028\x00\"\\", int64(-1), 1e21, false)
	f.Add("\xff\xed\xa0\x80", int64(math.MinInt64), -1e-7, false)
	f.Add("", int64(1)<<53+1, math.NaN(), true)
	f.Add("é", int64(0), math.Copysign(0, -1), false)
	f.Add("_placeholder", int64(255), math.Inf(1), false)
	f.Fuzz(func(t *testing.T, s string, n int64, fl float64, b bool) {
		finite := !math.IsNaN(fl) && !math.IsInf(fl, 0)
		for _, v := range valuesOf(s, n, fl, b) {
			want, wantErr := json.Marshal(v)
			data, attachments, err := parser.JSON.Append(nil, event, "e", []any{v})
			if wantErr != nil && !finite && strings.Contains(wantErr.Error(), "unsupported value") {
				if err == nil && !bytes.Contains(data, []byte("null")) {
					t.Errorf("%T: %v became %s", v, v, data) // NaN and infinities are null
				}
				continue
			}
			if (err != nil) != (wantErr != nil) {
				t.Errorf("%T: %v: got error %v, encoding/json's is %v", v, v, err, wantErr)
			}
			if err != nil || wantErr != nil {
				continue
			}
			got := data[len(`2["e",`) : len(data)-1]
			if len(attachments) > 0 || !sameJSON(t, got, want) {
				t.Errorf("%T: %v became %s, encoding/json makes %s", v, v, got, want)
			}
		}
	})
}

// sameJSON compares JSON texts by their values, numbers by their digits.
func sameJSON(t *testing.T, got, want []byte) bool {
	var values [2]any
	for i, text := range [][]byte{got, want} {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&values[i]); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return reflect.DeepEqual(withoutNegativeZero(values[0]), withoutNegativeZero(values[1]))
}

func withoutNegativeZero(v any) any {
	switch v := v.(type) {
	case json.Number:
		if v == "-0" {
			return json.Number("0")
		}
	case []any:
		for i := range v {
			v[i] = withoutNegativeZero(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = withoutNegativeZero(v[key])
		}
	}
	return v
}

// FuzzDecodeLikeEncodingJSON checks that arguments without binary data decode as by
// encoding/json, or fail as there, for many types.
func FuzzDecodeLikeEncodingJSON(f *testing.F) {
	for _, text := range []string{
		`null`, `true`, `"text"`, `"\ud800"`, `"2020-02-03T04:05:06.007Z"`, `"AQI="`, `0`, `-0`, `1.5`, `1e400`, `9007199254740993`, `18446744073709551615`,
		`[]`, `[1,null,"x",{"a":[]}]`, `{}`, `{"s":"a","S":"b","n":"7","F":1,"U":255,"p":{"s":"c"},"m":{"a-x":1},"k":{"b":2},"any":{"a":1},"list":[1],"raw":{},"num":1.50,"E":"e","X":[1]}`,
		`{"1":"a","-1":"b"}`, `{"a-x":1,"b":2}`, `{"1.5":1}`, `{"true":1}`, `{"a":1,"a":2}`, `{"_placeholder":true,"num":0}`, `{"f":1,"u":256}`, `{"n":7}`, `{"t":7}`,
	} {
		f.Add(text)
	}
	types := []reflect.Type{
		reflect.TypeFor[any](), reflect.TypeFor[mixed](), reflect.TypeFor[*mixed](), reflect.TypeFor[[]mixed](), reflect.TypeFor[string](), reflect.TypeFor[int](),
		reflect.TypeFor[int8](), reflect.TypeFor[uint64](), reflect.TypeFor[float64](), reflect.TypeFor[float32](), reflect.TypeFor[bool](), reflect.TypeFor[[]byte](),
		reflect.TypeFor[[3]int](), reflect.TypeFor[[]any](), reflect.TypeFor[map[string]any](), reflect.TypeFor[map[int64]string](), reflect.TypeFor[map[textKey]int](),
		reflect.TypeFor[map[stringKey]int](), reflect.TypeFor[map[float64]int](), reflect.TypeFor[map[any]any](), reflect.TypeFor[map[bool]int](),
		reflect.TypeFor[map[string]map[float64]int](), reflect.TypeFor[struct{ A map[any]int }](), reflect.TypeFor[time.Time](), reflect.TypeFor[json.Number](),
		reflect.TypeFor[netip.Addr](), reflect.TypeFor[*big.Int](), reflect.TypeFor[map[netip.Addr]int](),
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := parser.JSON.NewDecoder(parser.Limits{})
		p, err := d.Decode([]byte(`2["e",`+text+`]`), false)
		if err != nil || p.Args.Len() != 1 {
			return
		}
		for _, typ := range types {
			got, want := reflect.New(typ), reflect.New(typ)
			err, wantErr := p.Args.DecodeAt(0, got.Interface()), json.Unmarshal(p.Args.Raw(0), want.Interface())
			if (err != nil) != (wantErr != nil) {
				t.Errorf("%s into %v: got error %v, encoding/json's is %v", text, typ, err, wantErr)
			} else if err == nil && !reflect.DeepEqual(got.Interface(), want.Interface()) {
				t.Errorf("%s into %v: got %#v, encoding/json makes %#v", text, typ, got.Elem(), want.Elem())
			}
		}
	})
}
