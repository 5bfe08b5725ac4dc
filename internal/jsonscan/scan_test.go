package jsonscan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/jsonscan"
)

const maxNesting = 10000

// jsonTexts are valid and invalid JSON.
var jsonTexts = []string{
	``, ` `, `null`, `nul`, `nullx`, `null null`, `true`, `tru`, `false`, `False`, `undefined`, `NaN`, `Infinity`,
	`0`, `-0`, `-`, `--1`, `+1`, `00`, `01`, `-01`, `1.`, `.5`, `1.5`, `1.5.5`, `1e5`, `1e`, `1e+`, `1E-05`, `1e1.5`, `0e0`, `0x10`, `1_000`, `9999999999999999999999999`,
	`""`, `"`, `"a`, `"a"b`, `'a'`, `"\"\\\/\b\f\n\r\t"`, `"\a"`, `"\`, `"\"`, `"\u12"`, `"\u12g4"`, `"\u12AF"`, `"\uD800"`, `"\uDC00\uD800"`, `"\u`, `"\U1234"`,
	"\"\x00\"", "\"\x1f\"", "\"\x7f\"", "\"\n\"", "\"\t\"", "\"\xff\"", "\"\xed\xa0\x80\"", "\"\u2028\"", "\ufeff1", "\u00a01",
	"\"12345678\x019\"", "\"1234567\x1f\"", `"12345678\"9"`, `"1234567\\"`, "\"\x80\x80\x80\x80\x80\x80\x80\x80\x1f\"", "\"!!!!!!!!\x1f\"", "\"########\"", "\"[[[[]]]]\"",
	`[]`, `[`, `]`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `[1,2]`, `[[]]`, `[[],[[1]]]`, `[}`, `[1}`, "[ \t\n\r1 , 2 ] ", "[\f]", "[\v1]",
	`{}`, `{`, `}`, `{]`, `{"a"}`, `{"a":}`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{"a":1 "b":2}`, `{"a":1,"b":2}`, `{a:1}`, `{1:1}`, `{"a":1]`, `{"a"::1}`, `{"a":{"b":[{"c":{}}]}}`, ` { "a" : 1 } `, `{,}`, `{"a",1}`,
	`{"a":[1,{"b":[]}],"c":{}}`, `[{"a":1},{"b":2}]`, `[[[[[[[[]]]]]]]`, `[[[[[[[[]]]]]]]]]`, `//`, `[1]//`, `[1]/**/`, `[/**/]`,
	`{"a":1,"a":2}`, `{"__proto__":null}`, `{"_placeholder":true,"num":0}`,
}

func TestScan(t *testing.T) {
	t.Parallel()
	for _, text := range jsonTexts {
		_, err := jsonscan.Single([]byte(text), maxNesting)
		if want := json.Valid([]byte(text)); (err == nil) != want {
			t.Errorf("%q: got error %v, want valid = %v", text, err, want)
		}
	}
}

func TestScanDepth(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{1, 2, 63, 64, 65, 511, 512, 513, 1000, 10000} {
		for _, text := range []string{
			strings.Repeat(`[`, depth) + strings.Repeat(`]`, depth),
			strings.Repeat(`{"a":`, depth) + `1` + strings.Repeat(`}`, depth),
			strings.Repeat(`[{},[],{"a":`, depth/2) + strings.Repeat(`[`, depth%2) + `[]`[:2*(1-depth%2)] + strings.Repeat(`]`, depth%2) + strings.Repeat(`},1]`, depth/2),
		} {
			limit := depth
			if strings.Contains(text, `},1]`) && depth%2 == 0 {
				limit++ // for the empty array in the middle
			}
			if _, err := jsonscan.Single([]byte(text), limit); err != nil {
				t.Errorf("depth %d: %v in %.40s", limit, err, text)
			}
			if _, err := jsonscan.Single([]byte(text), limit-1); err != jsonscan.ErrTooDeep {
				t.Errorf("depth %d with less permitted: got %v in %.40s", limit, err, text)
			}
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text, want string // elements separated by |
		ok         bool
	}{
		{`[]`, ``, true},
		{` [ ] `, ``, true},
		{`[1]`, `1`, true},
		{` [ 1 , [2,3] , {"a":[4,5]} , "6,7" ] `, `1|[2,3]|{"a":[4,5]}|"6,7"`, true},
		{`[1,]`, ``, false},
		{`[,1]`, ``, false},
		{`[1`, ``, false},
		{`[`, ``, false},
		{`[1]]`, ``, false},
		{`[]1`, ``, false},
		{`[1}`, ``, false},
		{`{}`, ``, false},
		{``, ``, false},
		{` `, ``, false},
	} {
		elems, err := jsonscan.Split(nil, []byte(test.text), len(test.text), 10)
		if (err == nil) != test.ok {
			t.Errorf("%q: got error %v", test.text, err)
			continue
		}
		var got []string
		for _, elem := range elems {
			got = append(got, string(elem))
		}
		if s := strings.Join(got, "|"); err == nil && s != test.want {
			t.Errorf("%q: got %q, want %q", test.text, s, test.want)
		}
	}
}

// FuzzScan compares the scanner's verdict with encoding/json's.
func FuzzScan(f *testing.F) {
	for _, text := range jsonTexts {
		f.Add([]byte(text))
		f.Add([]byte("[" + text + "]"))
		f.Add([]byte(`{"a":` + text + `}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		value, err := jsonscan.Single(data, maxNesting)
		want := json.Valid(data)
		if (err == nil) != want {
			t.Fatalf("%q: got error %v, want valid = %v", data, err, want)
		}
		elems, err := jsonscan.Split(nil, data, len(data), maxNesting)
		if isArray := want && value[0] == '['; (err == nil) != isArray {
			t.Fatalf("%q as array: got error %v, want an array = %v", data, err, isArray)
		} else if isArray {
			var raws []json.RawMessage
			if err := json.Unmarshal(data, &raws); err != nil || len(raws) != len(elems) {
				t.Fatalf("%q: got %d elements, want %d (%v)", data, len(elems), len(raws), err)
			}
			for i, raw := range raws {
				if string(raw) != string(elems[i]) {
					t.Fatalf("%q: element %d is %q, want %q", data, i, elems[i], raw)
				}
			}
		}
	})
}
