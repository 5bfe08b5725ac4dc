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
	"unicode"
)

const module = "github.com/seed96b07ef8/socketio"

// What each package of the core module may import of the others. Imports go one
// way: who uses a lower layer does not pay for a higher one.
var mayImport = map[string][]string{
	"parser":                    {"internal/blocks", "internal/clip", "internal/jsonscan"},
	"parser/msgpack":            {"parser", "internal/jsonfields", "internal/msgpack"},
	"engine":                    {"internal/blocks", "internal/clip", "internal/ctxerr", "internal/errtext", "internal/redact", "internal/seam", "internal/ws"},
	"adapter":                   {"engine", "parser", "internal/offset"},
	"adapter/cluster":           {"adapter", "engine", "parser", "internal/clip", "internal/ctxerr", "internal/jsonscan"},
	"adapter/cluster/memorybus": {"adapter", "adapter/cluster"},
	"adapter/adaptertest":       {"adapter", "engine", "parser"},
	".":                         {"adapter", "engine", "event", "parser", "internal/clientfiles", "internal/clip", "internal/ctxerr", "internal/debuglog", "internal/dispatch", "internal/errtext", "internal/handler", "internal/offset", "internal/seam", "peer"},
	"client":                    {"engine", "event", "parser", "internal/clip", "internal/ctxerr", "internal/dispatch", "internal/errtext", "internal/handler", "internal/offset", "internal/redact", "internal/seam", "peer"},
	"event":                     {"parser", "peer", "internal/handler"},
	"peer":                      {"engine", "parser", "internal/clip", "internal/errtext"},
	"socketiotest":              {".", "adapter", "engine", "parser", "internal/ctxerr", "internal/memnet", "internal/offset", "internal/ws"},
	"internal/await":            {},
	"internal/blocks":           {},
	"internal/clientfiles":      {},
	"internal/clip":             {},
	"internal/ctxerr":           {},
	"internal/debuglog":         {},
	"internal/dispatch":         {},
	"internal/errtext":          {"internal/clip"},
	"internal/handler":          {"parser", "internal/jsonfields"},
	"internal/faultproxy":       {},
	"internal/jsonfields":       {},
	"internal/jsonscan":         {},
	"internal/leakcheck":        {},
	"internal/memnet":           {},
	"internal/msgpack":          {"internal/jsonscan"},
	"internal/nodepeer":         {"internal/leakcheck"},
	"internal/offset":           {},
	"internal/redact":           {},
	"internal/seam":             {},
	"internal/wiretest":         {"internal/ws"},
	"internal/ws":               {"internal/blocks"},

	"adapter/cluster/nodewire":   {"adapter/cluster", "engine", "parser", "internal/jsonscan", "internal/msgpack"},
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
	t.Parallel()
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

// An exported type is in the file of its name, and an exported method of Socket in one of
// the two files for them, so that file names say where to look: see docs/architecture.md.
func TestDeclarationsAreWhereTheyBelong(t *testing.T) {
	t.Parallel()
	root := corePackages(t)["."]
	for _, file := range root.files {
		name := root.fset.Position(file.Package).Filename
		if n := root.fset.File(file.Package).LineCount(); n > 500 {
			t.Errorf("%s has %d lines, want at most 500", name, n)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					typ, ok := spec.(*ast.TypeSpec)
					if !ok || !typ.Name.IsExported() || typ.Assign.IsValid() || name == "errors.go" {
						continue
					}
					if want := fileOf(typ.Name.Name); name != want && typ.Name.Name != "PacketMiddleware" {
						t.Errorf("type %s is in %s, want %s", typ.Name.Name, name, want)
					}
				}
			case *ast.FuncDecl:
				if d.Recv == nil || !d.Name.IsExported() || !isSocket(d.Recv.List[0].Type) {
					continue
				}
				if name != "socket.go" && name != "socket_registry.go" {
					t.Errorf("Socket.%s is in %s, want socket.go or socket_registry.go", d.Name.Name, name)
				}
			}
		}
	}
}

// fileOf returns the name of the file for a type.
func fileOf(typ string) string {
	var b strings.Builder
	for i, r := range typ {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String() + ".go"
}

func isSocket(receiver ast.Expr) bool {
	star, ok := receiver.(*ast.StarExpr)
	if !ok {
		return false
	}
	id, ok := star.X.(*ast.Ident)
	return ok && id.Name == "Socket"
}

// Everything that is exported says what it is.
func TestExportedNamesAreDocumented(t *testing.T) {
	t.Parallel()
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
