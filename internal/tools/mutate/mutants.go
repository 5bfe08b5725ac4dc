package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
)

// A mutant is one change of one file.
type mutant struct {
	number int // from 1
	file   string
	line   int
	what   string
}

// chooser is what is added to the package.
const chooser = `package %s

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
)

var (
	chosenMutant, _   = strconv.Atoi(os.Getenv("MUTANT"))
	reachedMutants, _ = os.OpenFile(os.Getenv("MUTANTS_REACHED"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	mutantReached     [%d]atomic.Bool
)

func mutated(number int) bool {
	if reachedMutants != nil && !mutantReached[number].Swap(true) {
		fmt.Fprintln(reachedMutants, number)
	}
	return chosenMutant == number
}
`

// An insertion is text that is inserted into a file.
type insertion struct {
	offset int
	depth  int // where several are at an offset; negative for what is after a node
	text   string
}

// A changer finds the changes of one file.
type changer struct {
	set        *token.FileSet
	file       string
	source     []byte
	next       int // number
	found      []mutant
	insertions []insertion
	listed     map[ast.Stmt]bool // statements that stand in a list, and may be wrapped
}

// mutantsOf lists the changes of one file, numbered from first, and returns its text with
// all of them.
func mutantsOf(file string, first int) ([]mutant, string, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, "", err
	}
	c := &changer{set: token.NewFileSet(), file: file, source: source, next: first, listed: make(map[ast.Stmt]bool)}
	parsed, err := parser.ParseFile(c.set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, "", err
	}
	ast.Inspect(parsed, c.visit)
	slices.SortStableFunc(c.insertions, func(a, b insertion) int {
		return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.depth, b.depth))
	})
	var text strings.Builder
	at := 0
	for _, i := range c.insertions {
		text.Write(source[at:i.offset])
		text.WriteString(i.text)
		at = i.offset
	}
	text.Write(source[at:])
	return c.found, text.String(), nil
}

func (c *changer) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GenDecl: // constants cannot depend on what is chosen
		return n.Tok != token.CONST
	case *ast.BlockStmt:
		c.list(n.List)
	case *ast.CaseClause:
		c.list(n.Body)
	case *ast.CommClause:
		c.list(n.Body)
	case *ast.ExprStmt, *ast.IncDecStmt, *ast.SendStmt, *ast.DeferStmt, *ast.AssignStmt:
		return c.statement(n.(ast.Stmt))
	case *ast.IfStmt:
		c.wrap(n.Cond, "(mutated(%d) != (", "))", "negated")
	case *ast.BinaryExpr:
		c.binary(n)
	}
	return true
}

func (c *changer) list(list []ast.Stmt) {
	for _, s := range list {
		c.listed[s] = true
	}
}

// statement has a statement left out, unless it is a definition, or cannot be.
func (c *changer) statement(s ast.Stmt) bool {
	if a, ok := s.(*ast.AssignStmt); ok && a.Tok == token.DEFINE || !c.listed[s] {
		return true
	}
	switch name := called(s); name {
	case "Lock", "Unlock", "RLock", "RUnlock":
		// Without the one only the race detector could notice a change, without the
		// other every test hangs.
		return false
	case "panic": // a function may end with it
		return true
	}
	c.wrap(s, "if !mutated(%d) {", "}", "removed")
	return true
}

// called returns the name of the function that a statement calls, or "".
func called(s ast.Stmt) string {
	var e ast.Expr
	switch s := s.(type) {
	case *ast.ExprStmt:
		e = s.X
	case *ast.DeferStmt:
		e = s.Call
	}
	if call, ok := e.(*ast.CallExpr); ok {
		switch f := call.Fun.(type) {
		case *ast.Ident:
			return f.Name
		case *ast.SelectorExpr:
			return f.Sel.Name
		}
	}
	return ""
}

// binary changes what an operator does.
func (c *changer) binary(n *ast.BinaryExpr) {
	equal := fmt.Sprintf("(%s) == (%s)", c.text(n.X), c.text(n.Y))
	switch n.Op {
	case token.LAND:
		c.wrap(n.X, "(mutated(%d) || (", "))", "taken for true")
		c.wrap(n.Y, "(mutated(%d) || (", "))", "taken for true")
	case token.LOR:
		c.wrap(n.X, "(!mutated(%d) && (", "))", "taken for false")
		c.wrap(n.Y, "(!mutated(%d) && (", "))", "taken for false")
	case token.LSS, token.GTR:
		c.wrap(n, "(mutated(%d) && "+strings.ReplaceAll(equal, "%", "%%")+" || (", "))", "moved the boundary")
	case token.LEQ, token.GEQ:
		c.wrap(n, "(!(mutated(%d) && "+strings.ReplaceAll(equal, "%", "%%")+") && (", "))", "moved the boundary")
	}
}

func (c *changer) text(n ast.Node) string {
	return string(c.source[c.set.Position(n.Pos()).Offset:c.set.Position(n.End()).Offset])
}

// wrap puts a change around a node. before has a place for the number of the change.
func (c *changer) wrap(n ast.Node, before, after, what string) {
	start, end := c.set.Position(n.Pos()), c.set.Position(n.End())
	first, _, _ := strings.Cut(c.text(n), "\n")
	c.found = append(c.found, mutant{number: c.next, file: c.file, line: start.Line, what: what + ": " + first})
	c.insertions = append(c.insertions,
		insertion{start.Offset, c.next, fmt.Sprintf(before, c.next)},
		insertion{end.Offset, -c.next, after})
	c.next++
}
