// Package jsonfields lists the fields of struct types as encoding/json sees them.
package jsonfields

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// A Field is a member of a struct's JSON object. It may be promoted from an embedded
// struct.
type Field struct {
	Name      string       // of the member
	Index     []int        // for reflect.Value.FieldByIndex
	Type      reflect.Type // of the Go field
	OmitEmpty bool         // has the option omitempty
	OmitZero  bool         // has the option omitzero
	Quoted    bool         // has the option string, and a type that it applies to
	Hidden    bool         // is an unexported embedded struct: reflect neither calls its methods nor sets a pointer to it

	tagged bool // the name is the tag's
}

// MayBeAbsent reports whether the options omit the field from the object if it has
// its zero value.
func (f *Field) MayBeAbsent() bool {
	if f.OmitZero {
		return true
	}
	if !f.OmitEmpty {
		return false
	}
	switch f.Type.Kind() {
	case reflect.Array:
		return f.Type.Len() == 0
	case reflect.Struct, reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return false
	}
	return true
}

// Of returns the fields of a struct type in the order of encoding/json. The fields of
// embedded structs are included unless a field with the same name is less deeply
// embedded, or equally deep and tagged. If several fields with the same name remain,
// all of them are omitted.
func Of(t reflect.Type) []Field {
	w := walk{visited: make(map[reflect.Type]bool)}
	level, count := []embedded{{typ: t}}, map[reflect.Type]int{t: 1}
	for len(level) > 0 {
		w.next, w.nextCount = nil, make(map[reflect.Type]int)
		for _, e := range level {
			if !w.visited[e.typ] {
				w.visited[e.typ] = true
				w.fields(e, count[e.typ] > 1)
			}
		}
		level, count = w.next, w.nextCount
	}
	return dominant(w.found)
}

// embedded is a struct whose fields are promoted to the one at index nil.
type embedded struct {
	typ   reflect.Type
	index []int
}

// walk visits a struct and, level by level, those embedded in it.
type walk struct {
	found     []Field
	visited   map[reflect.Type]bool
	next      []embedded           // the next level
	nextCount map[reflect.Type]int // how often its types are embedded
}

// fields appends the fields of e to w.found, and its embedded structs to w.next. If
// a type is embedded more than once at a level, its fields are added twice, so that
// neither dominates.
func (w *walk) fields(e embedded, twice bool) {
	for sf := range e.typ.Fields() {
		target := sf.Type
		if sf.Anonymous && target.Kind() == reflect.Pointer {
			target = target.Elem()
		}
		isStruct := sf.Anonymous && target.Kind() == reflect.Struct
		tag := sf.Tag.Get("json")
		if tag == "-" || !sf.IsExported() && !isStruct {
			continue
		}
		f := parseTag(tag)
		f.Index = append(slices.Clip(e.index), sf.Index...)
		if isStruct && !f.tagged {
			if w.nextCount[target]++; w.nextCount[target] == 1 {
				w.next = append(w.next, embedded{target, f.Index})
			}
			continue
		}
		if !f.tagged {
			f.Name = sf.Name
		}
		f.Type, f.Quoted, f.Hidden = sf.Type, f.Quoted && isScalar(sf.Type), !sf.IsExported()
		w.found = append(w.found, f)
		if twice {
			w.found = append(w.found, f)
		}
	}
}

// dominant returns the dominant field for each name, in the order of the struct.
func dominant(fields []Field) []Field {
	slices.SortStableFunc(fields, func(a, b Field) int {
		tagged := 0
		if a.tagged != b.tagged {
			if tagged = 1; a.tagged {
				tagged = -1
			}
		}
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(len(a.Index), len(b.Index)), tagged)
	})
	winners := fields[:0]
	for len(fields) > 0 {
		n := 1
		for n < len(fields) && fields[n].Name == fields[0].Name {
			n++
		}
		first := fields[0]
		if n == 1 || len(fields[1].Index) > len(first.Index) || first.tagged && !fields[1].tagged {
			winners = append(winners, first)
		}
		fields = fields[n:]
	}
	slices.SortFunc(winners, func(a, b Field) int { return slices.Compare(a.Index, b.Index) })
	return winners
}

// parseTag reads the value of a struct tag with the key json.
func parseTag(tag string) (f Field) {
	name, options, _ := strings.Cut(tag, ",")
	valid := func(r rune) bool {
		return strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) || unicode.IsLetter(r) || unicode.IsDigit(r)
	}
	if name != "" && strings.IndexFunc(name, func(r rune) bool { return !valid(r) }) < 0 {
		f.Name, f.tagged = name, true
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			f.OmitEmpty = true
		case "omitzero":
			f.OmitZero = true
		case "string":
			f.Quoted = true
		}
	}
	return f
}

// isScalar reports whether the option string applies to a type, which may be a pointer.
func isScalar(t reflect.Type) bool {
	if t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	return false
}
