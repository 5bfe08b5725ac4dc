package jsonfields_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/jsonfields"
)

type (
	Base   struct{ A, B int }
	Other  struct{ B, C int }
	Deeper struct {
		Base
		D int `json:",omitempty"`
	}
	hidden struct{ H, A int }
	Number int
	number int
	Loop   struct {
		*Loop
		L int
	}
)

// The fields are those that encoding/json encodes, in its order.
func TestOf(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		Base{}, Deeper{D: 1}, hidden{}, Loop{},
		struct {
			Base
			Other
		}{},
		struct {
			Deeper
			hidden
		}{Deeper: Deeper{D: 1}},
		struct {
			Base
			X int `json:"B"`
		}{},
		struct {
			Base
			Deeper
		}{Deeper: Deeper{D: 1}},
		struct {
			Base
			*Other
		}{Other: &Other{}},
		struct {
			Base   `json:"base"`
			hidden `json:"hidden"`
			Number
			number
		}{},
		struct {
			A int `json:"-"`
			D int `json:"é,omitempty,string"`
			e int
		}{D: 1, e: 1},
		reflect.New(reflect.StructOf([]reflect.StructField{ // names that tools warn of
			{Name: "B", Type: reflect.TypeFor[int](), Tag: `json:"-,"`}, {Name: "C", Type: reflect.TypeFor[int](), Tag: `json:"it's"`},
		})).Elem().Interface(),
	} {
		var got []string
		for _, f := range jsonfields.Of(reflect.TypeOf(v)) {
			got = append(got, f.Name)
			if field := reflect.TypeOf(v).FieldByIndex(f.Index); field.Type != f.Type || field.IsExported() == f.Hidden {
				t.Errorf("%T: %s is %v, hidden: %v; want %v, %v", v, f.Name, f.Type, f.Hidden, field.Type, !field.IsExported())
			}
		}
		if want := members(t, v); !slices.Equal(got, want) {
			t.Errorf("%T has the fields %q, want %q", v, got, want)
		}
	}
}

// members returns the names of the members of v's JSON.
func members(t *testing.T, v any) (names []string) {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	depth, isName := 0, false
	for token, err := d.Token(); err == nil; token, err = d.Token() {
		switch token {
		case json.Delim('{'):
			depth++
			isName = depth == 1
		case json.Delim('}'):
			depth--
			isName = depth == 1
		default:
			if isName {
				names = append(names, token.(string))
			}
			isName = depth == 1 && !isName
		}
	}
	return names
}

func TestMayBeAbsent(t *testing.T) {
	t.Parallel()
	typ := reflect.TypeFor[struct {
		A func() `json:",omitempty"`
		B *int   `json:",omitempty"`
		C [1]int `json:",omitempty"`
		D [0]int `json:",omitempty"`
		E hidden `json:",omitempty"`
		F []int  `json:",omitempty"`
		G func() `json:",omitzero"`
		H hidden `json:",omitzero"`
		I int
		J complex64 `json:",omitempty"`
		K bool      `json:",omitempty"`
	}]()
	got := ""
	for _, f := range jsonfields.Of(typ) {
		if f.MayBeAbsent() {
			got += f.Name
		}
	}
	if want := "BDFGHK"; got != want {
		t.Errorf("fields that may be absent are %s, want %s", got, want)
	}
}
