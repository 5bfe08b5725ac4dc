package parser

import (
	"cmp"
	"encoding"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The library encodes more types of map keys than encoding/json, and calls the
// MarshalText method of keys that are strings. This file restores the behavior of
// encoding/json, which the other codecs share.

var (
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func unusualWhenEncoding(key reflect.Type) bool {
	if key.Kind() == reflect.String {
		return key.Name() != "string" && key.Implements(textMarshalerType)
	}
	return !isInteger(key.Kind()) && !key.Implements(textMarshalerType)
}

func unusualWhenDecoding(key reflect.Type) bool {
	return key.Kind() != reflect.String && !isInteger(key.Kind()) && !reflect.PointerTo(key).Implements(textUnmarshalerType)
}

func isInteger(k reflect.Kind) bool { return reflect.Int <= k && k <= reflect.Uintptr }

// marshalMap encodes a map with unusual keys. It encodes string keys by their value and
// refuses others.
func marshalMap(out *jsontext.Encoder, m reflect.Value) error {
	if m.Type().Key().Kind() != reflect.String {
		return fmt.Errorf("unsupported type: %v: a map key must be a string, an integer or an encoding.TextMarshaler", m.Type())
	}
	if m.IsNil() {
		return out.WriteToken(jsontext.Null)
	}
	if err := out.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	for _, key := range keys {
		if err := out.WriteToken(jsontext.String(key.String())); err != nil {
			return err
		}
		if err := json.MarshalEncode(out, m.MapIndex(key).Interface()); err != nil {
			return err
		}
	}
	return out.WriteToken(jsontext.EndObject)
}
