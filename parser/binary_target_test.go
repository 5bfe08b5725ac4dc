package parser_test

import (
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
)

// Binary data does not fit a struct or a map, as in the other codec. The object that
// represents it on the wire is not a value of the application.
func TestBinaryDataDoesNotFitObjects(t *testing.T) {
	type named struct {
		Name string `json:"name"`
	}
	type tree struct{ Any *tree }
	args, err := parser.ArgsOf([]byte("data"), map[string]any{"any": []byte("data"), "list": []any{[]byte("data")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		i   int
		ptr any
	}{
		{0, new(named)}, {0, new(*named)}, {0, new(map[string]any)}, {0, &map[string]any{}}, {0, new(map[int]string)},
		{0, new(struct{ Any map[string]any })}, {0, new(struct{ parser.Borrowed })},
		{1, new(map[string]map[string]any)}, {1, &struct{ Any map[string]any }{}}, {1, new(struct {
			Any  any
			List []map[string]any
		})},
		// Without a part that binary data fits.
		{1, new(struct{ Any named })}, {1, new(struct{ Any *named })}, {1, new(struct{ Any map[string]string })},
		{1, new(struct{ List []named })}, {1, new(struct{ List [1]*named })}, {1, new(map[string]named)}, {1, new(struct {
			Any  named
			Data []byte
		})}, {1, new(tree)},
	} {
		err := args.DecodeAt(test.i, test.ptr)
		if err == nil || !strings.Contains(err.Error(), "cannot decode binary data into") {
			t.Errorf("%T: got %v", test.ptr, err)
		}
	}
	for _, test := range []struct {
		i   int
		ptr any
	}{
		{0, new([]byte)}, {0, new(*parser.Borrowed)}, {0, new(any)}, {1, new(map[string]any)}, {1, new(struct {
			Any  []byte
			List []any
		})}, {1, new(named)},
	} {
		if err := args.DecodeAt(test.i, test.ptr); err != nil {
			t.Errorf("%T: %v", test.ptr, err)
		}
	}
	// Without attachments it is any object.
	if args, err = parser.ArgsOf(map[string]any{"_placeholder": true, "num": 0}); err != nil {
		t.Fatal(err)
	}
	if err := args.Decode(new(map[string]any)); err != nil {
		t.Error(err)
	}
}
