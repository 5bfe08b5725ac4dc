package handler_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/seed96b07ef8/socketio/internal/handler"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

type (
	valueJSON   struct{ C chan int }
	pointerJSON struct{ C chan int }
	valueText   struct{ C chan int }
	pointerText struct{ C chan int }
	pointerFunc func()
	textKey     struct{ A int }
	pointerKey  struct{ A int }
	stringKey   string

	Channel  struct{ C chan int }
	Channel2 struct{ C chan int }
	Named    struct{ C int }
	hidden   struct{ A int }
	hiddenC  struct{ C chan int }
	hiddenM  struct{ A int }
	hiddenM2 struct{ A int }
	Tree     struct{ Left, Right *Tree }
	BadTree  struct {
		Next *BadTree
		C    chan int
	}
	Loop []Loop

	promoted      struct{ *pointerJSON }
	promotedTwice struct {
		pointerJSON
		valueText
		Text pointerText
	}
	unexportedMethods struct {
		hiddenM  `json:"x"`
		hiddenM2 `json:"y"`
	}
)

func (valueJSON) MarshalJSON() ([]byte, error)    { return []byte(`1`), nil }
func (*valueJSON) UnmarshalJSON([]byte) error     { return nil }
func (*pointerJSON) MarshalJSON() ([]byte, error) { return []byte(`1`), nil }
func (*pointerJSON) UnmarshalJSON([]byte) error   { return nil }
func (valueText) MarshalText() ([]byte, error)    { return []byte(`t`), nil }
func (*valueText) UnmarshalText([]byte) error     { return nil }
func (*pointerText) MarshalText() ([]byte, error) { return []byte(`t`), nil }
func (*pointerText) UnmarshalText([]byte) error   { return nil }
func (*pointerFunc) MarshalJSON() ([]byte, error) { return []byte(`1`), nil }
func (*pointerFunc) UnmarshalJSON([]byte) error   { return nil }
func (textKey) MarshalText() ([]byte, error)      { return []byte(`k`), nil }
func (*textKey) UnmarshalText([]byte) error       { return nil }
func (*pointerKey) MarshalText() ([]byte, error)  { return []byte(`k`), nil }
func (*pointerKey) UnmarshalText([]byte) error    { return nil }
func (*stringKey) MarshalText() ([]byte, error)   { return []byte(`k`), nil }
func (hiddenM) MarshalJSON() ([]byte, error)      { return []byte(`1`), nil }
func (*hiddenM) UnmarshalJSON([]byte) error       { return nil }
func (hiddenM2) MarshalJSON() ([]byte, error)     { return []byte(`1`), nil }
func (*hiddenM2) UnmarshalJSON([]byte) error      { return nil }

// inspected are types from which the tests build further types.
var inspected = []reflect.Type{
	reflect.TypeFor[int](), reflect.TypeFor[[]byte](), reflect.TypeFor[time.Time](), reflect.TypeFor[any](), reflect.TypeFor[chan int](), reflect.TypeFor[func()](),
	reflect.TypeFor[unsafe.Pointer](), reflect.TypeFor[complex128](), reflect.TypeFor[valueJSON](), reflect.TypeFor[pointerJSON](), reflect.TypeFor[valueText](),
	reflect.TypeFor[pointerText](), reflect.TypeFor[pointerFunc](), reflect.TypeFor[Tree](), reflect.TypeFor[BadTree](), reflect.TypeFor[Loop](),

	reflect.TypeFor[map[int]bool](), reflect.TypeFor[map[uintptr]bool](), reflect.TypeFor[map[textKey]int](), reflect.TypeFor[map[pointerKey]int](), reflect.TypeFor[map[*pointerKey]int](),
	reflect.TypeFor[map[stringKey]int](), reflect.TypeFor[map[float64]int](), reflect.TypeFor[map[bool]int](), reflect.TypeFor[map[any]int](),
	reflect.TypeFor[map[netip.Addr]int](),

	reflect.TypeFor[struct {
		Name string
		F    func() `json:",omitzero"`
	}](),
	reflect.TypeFor[struct {
		F func() `json:",omitempty"`
	}](),
	reflect.TypeFor[struct {
		C *chan int `json:"c,omitempty"`
	}](),
	reflect.TypeFor[struct {
		C []chan int `json:"c,omitempty"`
	}](),
	reflect.TypeFor[struct {
		C [1]chan int `json:"c,omitempty"`
	}](),
	reflect.TypeFor[struct {
		S Channel `json:"c,omitempty"`
	}](),
	reflect.TypeFor[struct {
		S Channel `json:"c,omitzero"`
	}](),
	reflect.TypeFor[struct {
		C chan int `json:"-"`
	}](),
	reflect.StructOf([]reflect.StructField{{Name: "C", Type: reflect.TypeFor[chan int](), Tag: `json:"-,"`}}), // the name is "-"
	reflect.TypeFor[struct{ Channel }](),
	reflect.TypeFor[struct{ *Channel }](),
	reflect.TypeFor[struct {
		Channel
		C int
	}](),
	reflect.TypeFor[struct {
		Channel
		Other int `json:"C"`
	}](),
	reflect.TypeFor[struct {
		Channel
		C int `json:"D"`
	}](),
	reflect.TypeFor[struct { // ambiguous, so that neither C is sent
		Channel
		Channel2
	}](),
	reflect.TypeFor[struct {
		Channel
		*Channel2
	}](),
	reflect.TypeFor[struct { // ambiguous, regardless of the types
		Named
		Channel
	}](),
	reflect.TypeFor[struct {
		Channel `json:"x"`
	}](),
	reflect.StructOf([]reflect.StructField{ // vet reports it in source code
		{Name: "A", Type: reflect.TypeFor[chan int](), Tag: `json:"x"`},
		{Name: "B", Type: reflect.TypeFor[int](), Tag: `json:"x"`},
	}),
	reflect.TypeFor[struct{ hidden }](),
	reflect.TypeFor[struct{ *hidden }](),
	reflect.TypeFor[struct {
		hidden `json:"x"`
	}](),
	reflect.TypeFor[struct {
		*hidden `json:"x"`
	}](),
	reflect.TypeFor[struct{ hiddenC }](),
	reflect.TypeFor[struct{ *hiddenC }](),
	reflect.TypeFor[promoted](), reflect.TypeFor[promotedTwice](),
}

// wrapped returns types that have t as a part.
func wrapped(t reflect.Type) []reflect.Type {
	field := func(tag reflect.StructTag) reflect.Type {
		return reflect.StructOf([]reflect.StructField{{Name: "A", Type: reflect.TypeFor[int]()}, {Name: "F", Type: t, Tag: tag}})
	}
	return []reflect.Type{
		reflect.PointerTo(t), reflect.SliceOf(t), reflect.ArrayOf(1, t), reflect.ArrayOf(0, t), reflect.MapOf(reflect.TypeFor[string](), t),
		field(""), field(`json:"f"`), field(`json:",omitempty"`), field(`json:",omitzero"`), field(`json:"-"`), field(`json:",string"`),
	}
}

// eachInspected calls f for the inspected types, and for types that have them as parts.
func eachInspected(f func(reflect.Type)) {
	for i, t := range inspected {
		f(t)
		for _, outer := range wrapped(t) {
			f(outer)
			if i < 16 { // without the variants of maps and structs
				for _, outer := range wrapped(outer) {
					f(outer)
				}
			}
		}
	}
}

// full makes a value without nil pointers and empty slices and maps. Fields that
// can be omitted are zero.
func full(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.Pointer:
		if depth > 0 {
			v.Set(reflect.New(t.Elem()))
			v.Elem().Set(full(t.Elem(), depth-1))
		}
	case reflect.Slice:
		if depth > 0 {
			v.Set(reflect.Append(v, full(t.Elem(), depth-1)))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		if t.Key().Kind() != reflect.Interface {
			v.SetMapIndex(full(t.Key(), depth-1), full(t.Elem(), depth-1))
		}
	case reflect.Array:
		for i := range t.Len() {
			v.Index(i).Set(full(t.Elem(), depth-1))
		}
	case reflect.Struct:
		for sf := range t.Fields() {
			tag := sf.Tag.Get("json")
			absent := strings.Contains(tag, "omitzero") || strings.Contains(tag, "omitempty") && sf.Type.Kind() != reflect.Struct && sf.Type.Kind() != reflect.Array
			if sf.PkgPath == "" && !absent || sf.Anonymous {
				// Also fields that only encoding/json itself could set.
				f := v.FieldByIndex(sf.Index)
				reflect.NewAt(sf.Type, f.Addr().UnsafePointer()).Elem().Set(full(sf.Type, depth-1))
			}
		}
	}
	return v
}

// attempt returns the error of f, or the value of its panic as an error.
func attempt(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return f()
}

// sendErrors returns the errors of encoding a value, by encoder.
func sendErrors(v any) map[string]error {
	errs := map[string]error{"encoding/json": attempt(func() error { _, err := json.Marshal(v); return err })}
	for name, codec := range map[string]parser.Codec{"parser": parser.JSON, "msgpack": msgpack.Codec} {
		errs[name] = attempt(func() error {
			_, _, err := codec.Append(nil, parser.Header{Type: parser.Event}, "e", []any{v})
			return err
		})
	}
	return errs
}

// A type can be sent if encoding/json encodes its values, and the codecs agree.
func TestSendableAsEncodingJSON(t *testing.T) {
	t.Parallel()
	tried := 0
	check := func(typ reflect.Type) {
		tried++
		got := handler.Sendable(typ)
		for name, want := range sendErrors(full(typ, 6).Interface()) {
			if (got != nil) != (want != nil) {
				t.Errorf("%v: Sendable returns %v, want as %s: %v", typ, got, name, want)
			}
		}
	}
	eachInspected(check)
	if tried < 2000 {
		t.Errorf("only %d types were tried", tried)
	}
}

// receiveErrors returns the errors of decoding a JSON text into a typ, by decoder.
func receiveErrors(typ reflect.Type, text []byte) map[string]error {
	errs := map[string]error{"encoding/json": attempt(func() error { return json.Unmarshal(text, reflect.New(typ).Interface()) })}
	for name, codec := range map[string]parser.Codec{"parser": parser.JSON, "msgpack": msgpack.Codec} {
		errs[name] = attempt(func() error {
			data, _, err := codec.Append(nil, parser.Header{Type: parser.Event}, "e", []any{json.RawMessage(text)})
			if err != nil {
				return err
			}
			p, err := codec.NewDecoder(parser.Limits{}).Decode(data, codec.Binary())
			if err != nil {
				return err
			}
			return p.Args.DecodeAt(0, reflect.New(typ).Interface())
		})
	}
	return errs
}

// A type can be received if encoding/json decodes the encoded form of its values.
func TestReceivableAsEncodingJSON(t *testing.T) {
	t.Parallel()
	tried := 0
	check := func(typ reflect.Type) {
		text, err := json.Marshal(full(typ, 6).Interface())
		if err != nil {
			return // see TestReceivable
		}
		tried++
		got := handler.Receivable(typ)
		for name, want := range receiveErrors(typ, text) {
			if (got != nil) != (want != nil) {
				t.Errorf("%v from %s: Receivable returns %v, want as %s: %v", typ, text, got, name, want)
			}
		}
	}
	eachInspected(check)
	if tried < 1000 {
		t.Errorf("only %d types were tried", tried)
	}
}

// Types whose values cannot be encoded are decoded from a suitable text.
func TestReceivable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		typ  reflect.Type
		text string
	}{
		{reflect.TypeFor[chan int](), `1`}, {reflect.TypeFor[func()](), `1`}, {reflect.TypeFor[complex64](), `1`}, {reflect.TypeFor[error](), `"x"`},
		{reflect.TypeFor[Channel](), `{"C":1}`}, {reflect.TypeFor[struct{ Channel }](), `{"C":1}`}, {reflect.TypeFor[[]chan int](), `[1]`},
		{reflect.TypeFor[map[float64]int](), `{"1":1}`}, {reflect.TypeFor[map[any]int](), `{"1":1}`}, {reflect.TypeFor[map[pointerKey]int](), `{"k":1}`},
		{reflect.TypeFor[map[encoding.TextUnmarshaler]int](), `{"k":1}`}, {reflect.TypeFor[pointerJSON](), `1`}, {reflect.TypeFor[map[string]pointerText](), `{"a":"t"}`},
		{reflect.TypeFor[pointerFunc](), `1`}, {reflect.TypeFor[BadTree](), `{"C":1}`},
	} {
		got := handler.Receivable(test.typ)
		for name, want := range receiveErrors(test.typ, []byte(test.text)) {
			if (got != nil) != (want != nil) {
				t.Errorf("%v from %s: Receivable returns %v, want as %s: %v", test.typ, test.text, got, name, want)
			}
		}
	}
}

// encoding/json panics for these types.
func TestMethodsThatCannotBeCalled(t *testing.T) {
	t.Parallel()
	typ := reflect.TypeFor[unexportedMethods]()
	for what, err := range map[string]error{
		"Sendable": handler.Sendable(typ), "Receivable": handler.Receivable(typ), "encoding msgpack": sendErrors(unexportedMethods{})["msgpack"],
		"decoding msgpack": receiveErrors(typ, []byte(`{"x":1,"y":1}`))["msgpack"],
	} {
		if err == nil || strings.Contains(err.Error(), "panic") {
			t.Errorf("%s of %v returns %v, want an error", what, typ, err)
		}
	}
}

func TestNeedsPointer(t *testing.T) {
	for _, test := range []struct {
		t    reflect.Type
		want bool
	}{
		{reflect.TypeFor[int](), false},
		{reflect.TypeFor[time.Time](), false},
		{reflect.TypeFor[valueJSON](), false},
		{reflect.TypeFor[Tree](), false},
		{reflect.TypeFor[pointerJSON](), true},
		{reflect.TypeFor[[2]pointerText](), true},
		{reflect.TypeFor[struct{ A struct{ B pointerText } }](), true},
		{reflect.TypeFor[struct{ Named struct{ pointerText } }](), true},
		{reflect.TypeFor[struct{ a pointerText }](), false},
		{reflect.TypeFor[struct {
			A pointerText `json:"-"`
		}](), false},
		{reflect.TypeFor[struct{ A *pointerText }](), false},
		{reflect.TypeFor[[]pointerText](), false},
		{reflect.TypeFor[map[string]pointerText](), false},
	} {
		if got := handler.NeedsPointer(test.t); got != test.want {
			t.Errorf("NeedsPointer(%v) = %v, want %v", test.t, got, test.want)
		}
	}
}
