package parser

import (
	"reflect"
	"testing"
)

// Each client has a decoder. The limit is a size class of Go's allocator: one more byte
// would cost 16 per client.
func TestIdleSize(t *testing.T) {
	t.Parallel()
	const most = 80
	if got := reflect.TypeFor[jsonDecoder]().Size(); got > most {
		t.Errorf("a decoder has %d bytes, want at most %d", got, most)
	}
}
