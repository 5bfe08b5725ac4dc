package main

import (
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/tools/tree"
)

func TestOnlyCommentsAndPagesCount(t *testing.T) {
	root := tree.Write(t, map[string]string{
		"a.go": "package a\n\n// Whoever waits\n// is told.\nvar told = \"nobody\" // in vain\n\n/*\nThe rest,\nbut for this\n*/\n",
		"b.md": "# Page\n\nThis is no page, and there is no other.\n\n```go\n// nobody\n```\n",
		// What others wrote.
		"node_modules/c.md": "whoever",
		".git/d.md":         "whoever",
	})
	var out strings.Builder
	if err := run(&out, root, true, nil); err != nil {
		t.Fatal(err)
	}
	if want := "   4 a.go\n   1 b.md\n"; out.String() != want {
		t.Errorf("the list is\n%swant\n%s", &out, want)
	}

	out.Reset()
	if err := run(&out, root, false, []string{"a.go"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`a.go:3: "Whoever"`, `a.go:4: "told"`, `a.go:5: "in vain"`, `a.go:9: "but for"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got\n%swant a line with %s", &out, want)
		}
	}
}

func TestTooManyFail(t *testing.T) {
	plain := strings.Repeat("A plain line.\n", 10_000)
	if err := run(new(strings.Builder), tree.Write(t, map[string]string{"a.md": plain}), false, nil); err != nil {
		t.Errorf("plain lines fail: %v", err)
	}
	err := run(new(strings.Builder), tree.Write(t, map[string]string{"a.md": plain + strings.Repeat("but for\n", 200)}), false, nil)
	if err == nil || !strings.Contains(err.Error(), `"but for"`) || strings.Contains(err.Error(), "whoever") {
		t.Errorf("got %v, want an error about \"but for\"", err)
	}
	if err := run(new(strings.Builder), t.TempDir(), false, nil); err == nil {
		t.Error("a folder without comments passes")
	}
}
