package engine

import (
	"reflect"
	"testing"
)

// An idle client consists mostly of these. The limits are size classes
// of Go's allocator: with a byte more, each client costs at least 16.
func TestIdleSizes(t *testing.T) {
	t.Parallel()
	for typ, most := range map[reflect.Type]uintptr{
		reflect.TypeFor[Conn](): 320,
		reflect.TypeFor[link](): 112,
	} {
		if got := typ.Size(); got > most {
			t.Errorf("%v has %d bytes, want at most %d", typ, got, most)
		}
	}
}
