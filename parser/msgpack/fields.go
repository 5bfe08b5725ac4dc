package msgpack

import (
	"cmp"
	"encoding"
	stdjson "encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

var (
	bytesType  = reflect.TypeFor[[]byte]()
	numberType = reflect.TypeFor[stdjson.Number]()
	rawType    = reflect.TypeFor[stdjson.RawMessage]()
	timeType   = reflect.TypeFor[time.Time]()
	zeroerType = reflect.TypeFor[interface{ IsZero() bool }]()

	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()

	// Types with one of these methods encode, or decode, themselves.
	marshalMethods = []reflect.Type{
		reflect.TypeFor[json.Marshaler](),
		reflect.TypeFor[json.MarshalerTo](),
		textMarshalerType,
		reflect.TypeFor[encoding.TextAppender](),
	}
	// JSON's come first.
	unmarshalMethods = []reflect.Type{
		reflect.TypeFor[json.Unmarshaler](),
		reflect.TypeFor[json.UnmarshalerFrom](),
		textUnmarshalerType,
	}
)

func implementsAny(t reflect.Type, interfaces []reflect.Type) bool {
	return slices.ContainsFunc(interfaces, t.Implements)
}

// isBytes reports whether values of a type are binary data: slices of bytes
// without methods that make something else of them.
func isBytes(t reflect.Type, methods []reflect.Type) bool {
	if t == bytesType {
		return true
	}
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Uint8 {
		return false
	}
	return !implementsAny(reflect.PointerTo(t), methods) && !implementsAny(reflect.PointerTo(t.Elem()), methods)
}

// A plan is how values of a type are encoded or decoded: a function, which
// refers to the plans of other types.
type plan[F any] struct{ run F }

// planner makes plans and remembers them. It is safe for concurrent use.
type planner[F any] struct {
	plans sync.Map // of reflect.Type to *plan[F]
	mu    sync.Mutex
}

// of returns the plan of a type. What make gets as its second argument returns
// the plans of other types, which are not complete before make returns.
func (p *planner[F]) of(t reflect.Type, make func(reflect.Type, func(reflect.Type) *plan[F]) F) *plan[F] {
	if cached, ok := p.plans.Load(t); ok {
		return cached.(*plan[F])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	made := map[reflect.Type]*plan[F]{}
	var of func(t reflect.Type) *plan[F]
	of = func(t reflect.Type) *plan[F] {
		if cached, ok := p.plans.Load(t); ok {
			return cached.(*plan[F])
		}
		if result := made[t]; result != nil {
			return result
		}
		result := &plan[F]{}
		made[t] = result
		result.run = make(t, of)
		return result
	}
	result := of(t)
	for t, plan := range made {
		p.plans.Store(t, plan)
	}
	return result
}

// field is a member of a struct's object, perhaps by embedding.
type field struct {
	name      string
	tagged    bool
	index     []int
	typ       reflect.Type
	omitEmpty bool
	omitZero  bool
	quoted    bool // the option string, on a type that it applies to
}

// fieldsOf returns the fields that encoding/json sees in a struct type: those
// of embedded structs are the struct's own unless a field that is nearer, or
// as near and tagged, has the same name; without a winner all are dropped.
func fieldsOf(root reflect.Type) []field {
	type level struct {
		typ   reflect.Type
		index []int
	}
	var fields []field
	visited := map[reflect.Type]bool{}
	current, count := []level{{typ: root}}, map[reflect.Type]int{root: 1}
	for len(current) > 0 {
		var next []level
		nextCount := map[reflect.Type]int{}
		for _, l := range current {
			if visited[l.typ] {
				continue
			}
			visited[l.typ] = true
			for sf := range l.typ.Fields() {
				target := sf.Type
				if target.Name() == "" && target.Kind() == reflect.Pointer {
					target = target.Elem()
				}
				// Exported fields of unexported embedded structs count.
				if !sf.IsExported() && !(sf.Anonymous && target.Kind() == reflect.Struct) {
					continue
				}
				tag := sf.Tag.Get("json")
				if tag == "-" {
					continue
				}
				f := parseTag(tag)
				f.index = append(slices.Clip(l.index), sf.Index...)
				if !f.tagged && sf.Anonymous && target.Kind() == reflect.Struct {
					if nextCount[target]++; nextCount[target] == 1 {
						next = append(next, level{target, f.index})
					}
					continue
				}
				if !sf.IsExported() {
					continue // an embedded struct with a name
				}
				f.typ = sf.Type
				f.quoted = f.quoted && isScalar(target)
				if !f.tagged {
					f.name = sf.Name
				}
				fields = append(fields, f)
				if count[l.typ] > 1 {
					fields = append(fields, f) // embedded twice: no winner
				}
			}
		}
		current, count = next, nextCount
	}

	slices.SortStableFunc(fields, func(a, b field) int {
		tagged := 0
		if a.tagged != b.tagged {
			if tagged = 1; a.tagged {
				tagged = -1
			}
		}
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(len(a.index), len(b.index)), tagged)
	})
	winners := fields[:0]
	for len(fields) > 0 {
		n := 1
		for n < len(fields) && fields[n].name == fields[0].name {
			n++
		}
		first := fields[0]
		if n == 1 || len(fields[1].index) > len(first.index) || first.tagged && !fields[1].tagged {
			winners = append(winners, first)
		}
		fields = fields[n:]
	}
	slices.SortFunc(winners, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return winners
}

// parseTag reads a struct tag of encoding/json.
func parseTag(tag string) (f field) {
	name, options, _ := strings.Cut(tag, ",")
	valid := func(r rune) bool {
		return strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) || unicode.IsLetter(r) || unicode.IsDigit(r)
	}
	if name != "" && strings.IndexFunc(name, func(r rune) bool { return !valid(r) }) < 0 {
		f.name, f.tagged = name, true
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			f.omitEmpty = true
		case "omitzero":
			f.omitZero = true
		case "string":
			f.quoted = true
		}
	}
	return f
}

// isScalar reports whether the option string applies to a type.
func isScalar(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	return false
}

// omitted reports whether a field's value is left out.
func (f *field) omitted(v reflect.Value) bool {
	if f.omitEmpty {
		switch v.Kind() {
		case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
			if v.Len() == 0 {
				return true
			}
		case reflect.Interface, reflect.Pointer:
			if v.IsNil() {
				return true
			}
		case reflect.Struct:
		default:
			if v.IsZero() {
				return true
			}
		}
	}
	return f.omitZero && isZero(v)
}

func isZero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface:
		if e := v.Elem(); v.IsNil() || e.Kind() == reflect.Pointer && e.IsNil() {
			return true
		}
	case reflect.Pointer:
		if v.IsNil() {
			return true
		}
	}
	t := v.Type()
	switch {
	case t.Implements(zeroerType):
	case !reflect.PointerTo(t).Implements(zeroerType):
		return v.IsZero()
	case v.CanAddr():
		v = v.Addr()
	default:
		p := reflect.New(t)
		p.Elem().Set(v)
		v = p
	}
	return v.Interface().(interface{ IsZero() bool }).IsZero()
}

// fold returns what names that differ in case only have in common.
func fold(dst, name []byte) []byte {
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRune(name[i:])
		i += n
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		} else if r >= utf8.RuneSelf {
			for r2 := unicode.SimpleFold(r); ; r2 = unicode.SimpleFold(r) {
				if r2 <= r {
					r = r2
					break
				}
				r = r2
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}
