// Package offset knows the offsets of connection state recovery (Socket.IO protocol
// v5, "Connection state recovery"). A server appends one to every event that it keeps,
// and a client takes the last argument of an event for one if it is a string. The
// server does not keep volatile events, and marks them in no way, so that their last
// argument is mistaken for an offset, and the session cannot be recovered.
package offset

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Max is the length in bytes of the longest string that a client takes for an offset.
// The longest known ones have 24.
const Max = 128

// Unmistakable returns the arguments of an event that has no offset such that none is
// mistaken for one: if the last of them may be encoded as a string, nil follows it.
// Without arguments nil is the only one: socket.io-client takes the name of the event
// for the last argument then.
func Unmistakable(args []any) []any {
	if len(args) == 0 {
		return []any{nil}
	}
	if !mayBeText(args[len(args)-1]) {
		return args
	}
	return append(slices.Clip(args), nil)
}

func mayBeText(v any) bool {
	switch v.(type) {
	case nil, bool, int, int64, float64, []byte, []any, map[string]any:
		return false
	case string, json.Marshaler, encoding.TextMarshaler:
		return true
	}
	t := reflect.TypeOf(v)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.String
}

// Clocks may be wrong by this much.
const tolerance = 5 * 365 * 24 * time.Hour

// Known reports whether s has the form of the offsets of a known adapter.
func Known(s string, now time.Time) bool {
	return ours(s) || streamEntry(s) || objectID(s) || pointInTime(s, now)
}

// ours reports whether s is like an offset of package adapter.
func ours(s string) bool {
	return len(s) > 7 && len(s) <= 20 && s[6] == '.' && consists(s[:6], digits) && consists(s[7:], digits[:10]+digits[36:62])
}

// streamEntry reports whether s is like the ID of an entry in a Redis stream.
func streamEntry(s string) bool {
	return len(s) > 14 && s[13] == '-' && consists(s[:13], digits[:10]) && consists(s[14:], digits[:10])
}

// objectID reports whether s is like the ID of a document in MongoDB.
func objectID(s string) bool {
	return len(s) == 24 && consists(s, digits[:10]+"abcdef")
}

// The digits of the numbers in offsets of the reference.
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"

// pointInTime reports whether s is like an offset of the reference's in-memory
// adapter: the time in milliseconds, with seven digits of base 64, and a number behind
// a dot if it is not the first of its millisecond.
func pointInTime(s string, now time.Time) bool {
	if len(s) < 7 || len(s) > 7 && (s[7] != '.' || len(s) == 8 || !consists(s[8:], digits)) {
		return false
	}
	ms := int64(0)
	for _, c := range []byte(s[:7]) {
		digit := strings.IndexByte(digits, c)
		if digit < 0 {
			return false
		}
		ms = ms*64 + int64(digit)
	}
	return now.Sub(time.UnixMilli(ms)).Abs() < tolerance
}

func consists(s, of string) bool {
	for i := range len(s) {
		if strings.IndexByte(of, s[i]) < 0 {
			return false
		}
	}
	return true
}
