// Package tree writes the files with which the tools are tested.
package tree

import (
	"os"
	"path/filepath"
	"testing"
)

// Write writes files, by their paths, into a new folder, which it returns. The folder is
// removed at the end of the test.
func Write(t testing.TB, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, content := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
