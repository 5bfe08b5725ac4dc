package event_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestMisuseDoesNotCompile checks testdata/misuse.go: there must be the errors
// that its comments announce, and no others.
func TestMisuseDoesNotCompile(t *testing.T) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "testdata/misuse.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	wanted := make(map[int]*regexp.Regexp) // by line
	for _, group := range file.Comments {
		for _, c := range group.List {
			if pattern, ok := strings.CutPrefix(c.Text, "// ERROR "); ok {
				var text string
				if _, err := fmt.Sscanf(pattern, "%q", &text); err != nil {
					t.Fatalf("%s: %v", fset.Position(c.Pos()), err)
				}
				wanted[fset.Position(c.Pos()).Line] = regexp.MustCompile(text)
			}
		}
	}
	found := make(map[int]bool)
	conf := types.Config{
		Importer: importer.ForCompiler(fset, "gc", exports(t)),
		Error: func(err error) {
			typeErr := err.(types.Error)
			pos := fset.Position(typeErr.Pos)
			want := wanted[pos.Line]
			switch {
			case want == nil:
				t.Errorf("%s: unexpected error: %s", pos, typeErr.Msg)
			case want.MatchString(typeErr.Msg):
				found[pos.Line] = true
			default:
				// Go may have more than one thing to say; one of them has to match.
				t.Logf("%s: %s", pos, typeErr.Msg)
			}
		},
	}
	_, _ = conf.Check("misuse", fset, []*ast.File{file}, nil) // its error is the first of those above
	for line, want := range wanted {
		if !found[line] {
			t.Errorf("testdata/misuse.go:%d: no error matches %s", line, want)
		}
	}
	if len(wanted) < 20 {
		t.Errorf("only %d lines are expected not to compile: has the file lost its comments?", len(wanted))
	}
}

// exports returns where to find the compiled declarations of packages.
func exports(t *testing.T) importer.Lookup {
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", ".", "..", "../client")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		files[path] = file
	}
	return func(path string) (io.ReadCloser, error) {
		file, ok := files[path]
		if !ok {
			return nil, fmt.Errorf("package %s is no dependency", path)
		}
		return os.Open(file)
	}
}
