package socketio_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/seed96b07ef8/socketio"

// What each package of the core module may import of the others. Imports go one
// way: who uses a lower layer does not pay for a higher one.
var mayImport = map[string][]string{
	"parser":              {"internal/blocks", "internal/clip"},
	"parser/msgpack":      {"parser"},
	"engine":              {"internal/blocks", "internal/clip", "internal/ctxerr", "internal/errtext", "internal/redact", "internal/ws"},
	"adapter":             {"engine", "parser", "internal/offset"},
	".":                   {"adapter", "engine", "parser", "internal/clip", "internal/ctxerr", "internal/errtext", "internal/handler", "internal/offset"},
	"client":              {"engine", "parser", "internal/clip", "internal/ctxerr", "internal/errtext", "internal/handler", "internal/offset", "internal/redact"},
	"event":               {".", "parser", "internal/handler"},
	"socketiotest":        {".", "adapter", "engine", "parser", "internal/ctxerr", "internal/memnet", "internal/offset", "internal/ws"},
	"internal/blocks":     {},
	"internal/clip":       {},
	"internal/ctxerr":     {},
	"internal/errtext":    {},
	"internal/handler":    {"parser"},
	"internal/faultproxy": {},
	"internal/leakcheck":  {},
	"internal/memnet":     {},
	"internal/nodepeer":   {"internal/leakcheck"},
	"internal/offset":     {},
	"internal/redact":     {},
	"internal/wiretest":   {"internal/ws"},
	"internal/ws":         {"internal/blocks"},

	"parser/internal/parsertest": {"parser"},
}

// The only requirement of the core module.
const jsonModule = "github.com/go-json-experiment/json"

// corePackages parses the packages of the core module, without tests.
func corePackages(t *testing.T) map[string]*source {
	t.Helper()
	packages := make(map[string]*source)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != ".":
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir // another module, or nothing of ours
			}
			return nil
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		p := packages[dir]
		if p == nil {
			p = &source{fset: token.NewFileSet()}
			packages[dir] = p
		}
		f, err := parser.ParseFile(p.fset, path, nil, parser.ParseComments)
		p.files = append(p.files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 8 {
		t.Fatalf("found only %d packages", len(packages))
	}
	return packages
}

// source is a parsed package.
type source struct {
	fset  *token.FileSet
	files []*ast.File
}

func TestImportsGoOneWay(t *testing.T) {
	for path, p := range corePackages(t) {
		allowed, known := mayImport[path]
		if !known {
			t.Errorf("package %s is not in the list of what may import what", path)
			continue
		}
		for _, file := range p.files {
			name := p.fset.Position(file.Package).Filename
			for _, spec := range file.Imports {
				imported := strings.Trim(spec.Path.Value, `"`)
				if rest, ok := strings.CutPrefix(imported, module); ok {
					rest = strings.TrimPrefix(rest, "/")
					if rest == "" {
						rest = "."
					}
					if !slices.Contains(allowed, rest) {
						t.Errorf("%s imports %s, which %s may not", name, imported, path)
					}
				} else if strings.Contains(imported, ".") && !strings.HasPrefix(imported, jsonModule) {
					t.Errorf("%s imports %s: the core module has no such requirement", name, imported)
				}
			}
		}
	}
}

// Everything that is exported says what it is.
func TestExportedNamesAreDocumented(t *testing.T) {
	for path, p := range corePackages(t) {
		if strings.HasPrefix(path, "internal/") {
			continue
		}
		d, err := doc.NewFromFiles(p.fset, p.files, path)
		if err != nil {
			t.Fatal(err)
		}
		undocumented := func(kind, name, text string) {
			if ast.IsExported(name) && strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s %s has no documentation", path, kind, name)
			}
		}
		if d.Doc == "" {
			t.Errorf("%s has no package documentation", path)
		}
		functions := func(all []*doc.Func) {
			for _, f := range all {
				undocumented("function", f.Name, f.Doc)
			}
		}
		values := func(all []*doc.Value) {
			for _, v := range all {
				for _, spec := range v.Decl.Specs {
					spec := spec.(*ast.ValueSpec)
					for _, name := range spec.Names {
						undocumented("value", name.Name, v.Doc+spec.Doc.Text()+spec.Comment.Text())
					}
				}
			}
		}
		functions(d.Funcs)
		values(d.Consts)
		values(d.Vars)
		for _, typ := range d.Types {
			undocumented("type", typ.Name, typ.Doc)
			functions(typ.Funcs)
			functions(typ.Methods)
			values(typ.Consts)
			values(typ.Vars)
			for _, spec := range typ.Decl.Specs {
				s, ok := spec.(*ast.TypeSpec).Type.(*ast.StructType)
				if !ok || !ast.IsExported(typ.Name) {
					continue
				}
				above := "" // one comment may stand for the fields that follow without a gap
				for _, field := range s.Fields.List {
					if text := field.Doc.Text() + field.Comment.Text(); text != "" {
						above = text
					}
					for _, name := range field.Names {
						undocumented("field", name.Name, above)
					}
				}
			}
		}
	}
}
