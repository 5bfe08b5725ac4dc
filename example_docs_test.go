package socketio_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The Go code in the documentation is that of the examples and their tests: a
// block must be found there, line by line, and so must the code in the column
// "Go code" of a table.
func TestDocumentedCode(t *testing.T) {
	var sources []string
	for _, pattern := range []string{"example*_test.go", "*/example*_test.go", "parser/*/example*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			sources = append(sources, squeeze(readFile(t, file)))
		}
	}
	compiled := strings.Join(sources, "\n")
	checked := 0
	for _, doc := range []string{"docs/guide.md", "docs/testing.md", "docs/client.md"} {
		var block []string
		in := false
		for i, line := range strings.Split(readFile(t, doc), "\n") {
			switch {
			case line == "```go":
				in, block = true, nil
			case line == "```" && in:
				in = false
				checked++
				if !strings.Contains(compiled, squeeze(strings.Join(block, "\n"))) {
					t.Errorf("%s:%d: the block that ends here is in no example:\n%s", doc, i+1, strings.Join(block, "\n"))
				}
			case in:
				block = append(block, line)
			}
		}
		for _, cell := range column(readFile(t, doc), "Go code") {
			for _, code := range cell.code {
				checked++
				if !strings.Contains(compiled, code) {
					t.Errorf("%s:%d: is in no example: %s", doc, cell.line, code)
				}
			}
		}
	}
	if checked < 50 {
		t.Errorf("found only %d pieces of code", checked)
	}
}

// squeeze leaves nothing but the text of the lines.
func squeeze(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The names in the column "Go" of the tables exist.
func TestDocumentedNames(t *testing.T) {
	names := exported(t)
	checked := 0
	for _, doc := range []string{"docs/api-map.md", "docs/guide.md"} {
		for _, cell := range column(readFile(t, doc), "Go") {
			for _, name := range cell.code {
				checked++
				if !names[name] {
					t.Errorf("%s:%d: there is no %s", doc, cell.line, name)
				}
			}
		}
	}
	if checked < 200 {
		t.Errorf("found only %d names", checked)
	}
}

// A cell of a table, with the code in it.
type cell struct {
	line int
	code []string
}

var inCode = regexp.MustCompile("`([^`]+)`")

// column returns the cells of the columns with a certain title in the tables of a
// Markdown file.
func column(text, title string) (cells []cell) {
	col := -1
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "|") {
			col = -1
			continue
		}
		fields := strings.Split(line, " | ")
		if col < 0 {
			col = len(fields) // not in this table
			for j, f := range fields {
				if strings.Trim(f, "| ") == title {
					col = j
				}
			}
			continue
		}
		if col >= len(fields) {
			continue
		}
		c := cell{line: i + 1}
		for _, m := range inCode.FindAllStringSubmatch(fields[col], -1) {
			c.code = append(c.code, m[1])
		}
		cells = append(cells, c)
	}
	return cells
}

// exported returns the names that a user of the module may write: Server.Of,
// engine.Conn.ID and the like, those of embedded types included.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	members := map[string][]string{} // of a type, exported or not
	embeds := map[string][]string{}
	names := map[string]bool{}
	for _, dir := range []string{".", "adapter", "client", "engine", "event", "parser", "parser/msgpack", "peer", "socketiotest"} {
		prefix := ""
		if dir != "." {
			prefix = filepath.Base(dir) + "."
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range f.Decls {
				switch d := decl.(type) {
				case *ast.FuncDecl:
					if d.Recv == nil {
						names[prefix+d.Name.Name] = true
						continue
					}
					of := typeName(prefix, d.Recv.List[0].Type)
					members[of] = append(members[of], d.Name.Name)
				case *ast.GenDecl:
					for _, spec := range d.Specs {
						switch s := spec.(type) {
						case *ast.ValueSpec:
							for _, n := range s.Names {
								names[prefix+n.Name] = true
							}
						case *ast.TypeSpec:
							of := prefix + s.Name.Name
							names[of] = true
							if s.Assign.IsValid() { // an alias has the members of its type
								embeds[of] = append(embeds[of], typeName(prefix, s.Type))
							}
							for _, field := range fields(s.Type) {
								if len(field.Names) == 0 {
									embeds[of] = append(embeds[of], typeName(prefix, field.Type))
								}
								for _, n := range field.Names {
									members[of] = append(members[of], n.Name)
								}
							}
						}
					}
				}
			}
		}
	}
	var add func(to, from string)
	add = func(to, from string) {
		for _, m := range members[from] {
			names[to+"."+m] = true
		}
		for _, e := range embeds[from] {
			add(to, e)
		}
	}
	for _, of := range slices.Collect(maps.Keys(names)) {
		add(of, of)
	}
	return names
}

// fields returns the fields of a struct or the methods of an interface.
func fields(x ast.Expr) []*ast.Field {
	switch x := x.(type) {
	case *ast.StructType:
		return x.Fields.List
	case *ast.InterfaceType:
		return x.Methods.List
	}
	return nil
}

// typeName returns the name of a type in the form of exported.
func typeName(prefix string, x ast.Expr) string {
	switch x := x.(type) {
	case *ast.StarExpr:
		return typeName(prefix, x.X)
	case *ast.IndexExpr:
		return typeName(prefix, x.X)
	case *ast.IndexListExpr:
		return typeName(prefix, x.X)
	case *ast.SelectorExpr:
		return fmt.Sprintf("%v.%s", x.X, x.Sel.Name)
	case *ast.Ident:
		return prefix + x.Name
	}
	return ""
}
