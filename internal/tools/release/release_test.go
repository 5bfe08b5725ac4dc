package main

import (
	"archive/zip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/tools/tree"
)

// repository makes a folder of files that git knows.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	root := tree.Write(t, files)
	if out, err := exec.Command("git", "init", root).CombinedOutput(); err != nil {
		t.Fatalf("git init: %v\n%s", err, out)
	}
	return root
}

// core is a repository with a command, and a module that is not released.
func core() map[string]string {
	return map[string]string{
		"go.mod":            "module example.com/core\n\ngo 1.26.0\n",
		"core.go":           "package core\n",
		".gitignore":        "*.log\n",
		"a.log":             "what git ignores",
		"cmd/run/go.mod":    "module example.com/core/cmd/run\n\ngo 1.26.0\n\nrequire (\n\texample.com/core v0.0.0\n\texample.com/other v1.0.0\n)\n\nreplace example.com/core => ../..\n",
		"cmd/run/main.go":   "package main\n",
		"bench/go.mod":      "// Not released: measurements.\n\nmodule example.com/core/bench\n",
		"testdata/x/go.mod": "module example.com/data\n",
	}
}

func TestReleasedModules(t *testing.T) {
	root := repository(t, core())
	modules, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, m := range modules.released() {
		dirs = append(dirs, m.dir)
	}
	if want := []string{".", "cmd/run"}; !slices.Equal(dirs, want) {
		t.Errorf("released are %q, want %q", dirs, want)
	}

	if err := run(root, []string{"prepare", "v1.2.3"}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "cmd/run/go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	want := "module example.com/core/cmd/run\n\ngo 1.26.0\n\nrequire (\n\texample.com/core v1.2.3\n\texample.com/other v1.0.0\n)\n"
	if string(got) != want {
		t.Errorf("go.mod is\n%s\nwant\n%s", got, want)
	}
}

func TestModulesThatCannotBeReleased(t *testing.T) {
	for name, change := range map[string]struct{ goMod, version, want string }{
		"a replacement of another module": {"module example.com/core/cmd/run\n\nreplace example.com/other => ../other\n", "v1.0.0", "replaces example.com/other"},
		"a module that is not released":   {"module example.com/core/cmd/run\n\nrequire example.com/core/bench v0.0.0\n", "v1.0.0", "requires example.com/core/bench"},
		"a version without v":             {"module example.com/core/cmd/run\n", "1.0.0", "is not a valid version"},
		"a short version":                 {"module example.com/core/cmd/run\n", "v1", "is not a valid version"},
	} {
		files := core()
		files["cmd/run/go.mod"] = change.goMod
		err := run(repository(t, files), []string{"prepare", change.version})
		if err == nil || !strings.Contains(err.Error(), change.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, change.want)
		}
	}
}

func TestProxy(t *testing.T) {
	root, proxy := repository(t, core()), t.TempDir()
	if err := run(root, []string{"proxy", "v1.2.3", proxy}); err != nil {
		t.Fatal(err)
	}
	for module, want := range map[string][]string{
		"example.com/core":         {".gitignore", "core.go", "go.mod"},
		"example.com/core/cmd/run": {"go.mod", "main.go"},
	} {
		archive, err := zip.OpenReader(filepath.Join(proxy, module, "@v/v1.2.3.zip"))
		if err != nil {
			t.Fatal(err)
		}
		defer archive.Close()
		var got []string
		for _, f := range archive.File {
			name, ok := strings.CutPrefix(f.Name, module+"@v1.2.3/")
			if !ok {
				t.Errorf("%s has the file %s, want its name and version in front", module, f.Name)
			}
			got = append(got, name)
			if name == "go.mod" {
				wantNoReplace(t, f)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s has %q, want %q", module, got, want)
		}
	}
}

func wantNoReplace(t *testing.T, f *zip.File) {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil || strings.Contains(string(text), "replace") {
		t.Errorf("%s is (%v)\n%s\nwant no replace", f.Name, err, text)
	}
}
