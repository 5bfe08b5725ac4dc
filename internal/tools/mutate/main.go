// Command mutate changes a package in many small ways, one at a time, and lists the
// changes that the package's tests do not notice. Published tools negate conditions and
// swap operators; what our tests missed was mostly calls that could be left out, so this
// one removes statements, too.
//
//	go -C internal/tools run ./mutate -dir ../.. ./client
//
// It changes no file of the repository: the tests run with an overlay.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("dir", ".", "folder of the module")
	files := flag.String("files", "", "regular expression that the names of the files match")
	workers := flag.Int("workers", 2, "how many changes are tested at the same time")
	most := flag.Int("most", 0, "how many changes to test, chosen at random; 0 means all")
	timeout := flag.Duration("timeout", 3*time.Minute, "how long the tests may take before the change counts as noticed")
	run := flag.String("run", "", "what go test -run gets")
	slow := flag.String("slow", "", "regular expression of tests that run only when the others have not noticed the change")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("mutate: name one package")
	}
	only, err := regexp.Compile(*files)
	if err != nil {
		log.Fatal("mutate: ", err)
	}
	t := tester{dir: *dir, pkg: flag.Arg(0), timeout: *timeout, run: *run, slow: *slow}
	mutants, err := t.mutants(only)
	if err != nil {
		log.Fatal("mutate: ", err)
	}
	if *most > 0 && *most < len(mutants) {
		rand.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
		mutants = mutants[:*most]
	}
	t.all(mutants, *workers)
}

// A mutant is one change of one file.
type mutant struct {
	file       string
	line       int
	start, end int // offsets of what is replaced
	by         string
	what       string
}

type tester struct {
	dir, pkg, run, slow string
	timeout             time.Duration
}

// mutants lists the changes of the package's files whose names match only.
func (t tester) mutants(only *regexp.Regexp) ([]mutant, error) {
	cmd := exec.Command("go", "list", "-f", "{{.Dir}}{{range .GoFiles}}\n{{.}}{{end}}", t.pkg)
	cmd.Dir = t.dir
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", t.pkg, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var all []mutant
	for _, name := range lines[1:] {
		if !only.MatchString(name) {
			continue
		}
		found, err := mutantsOf(filepath.Join(lines[0], name))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// mutantsOf lists the changes of one file.
func mutantsOf(file string) (found []mutant, err error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	replace := func(n ast.Node, format, what string) {
		start, end := set.Position(n.Pos()), set.Position(n.End())
		text := string(source[start.Offset:end.Offset])
		first, _, _ := strings.Cut(text, "\n")
		found = append(found, mutant{
			file: file, line: start.Line, start: start.Offset, end: end.Offset,
			by: strings.ReplaceAll(format, "%", text), what: what + ": " + first,
		})
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if locks(n) {
			return false
		}
		switch n := n.(type) {
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.SendStmt, *ast.DeferStmt:
			replace(n, "{}", "removed")
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				replace(n, "{}", "removed")
			}
		case *ast.IfStmt:
			replace(n.Cond, "!(%)", "negated")
		case *ast.BinaryExpr:
			switch n.Op {
			case token.LAND:
				replace(n.X, "true", "taken for true")
				replace(n.Y, "true", "taken for true")
			case token.LOR:
				replace(n.X, "false", "taken for false")
				replace(n.Y, "false", "taken for false")
			case token.LSS, token.GTR, token.LEQ, token.GEQ:
				replace(boundary{n}, boundaries[n.Op], "moved the boundary")
			}
		}
		return true
	})
	return found, nil
}

// locks reports whether a statement takes or releases a mutex. Without the one only the
// race detector could notice a change, without the other every test hangs.
func locks(n ast.Node) bool {
	var call ast.Expr
	switch n := n.(type) {
	case *ast.ExprStmt:
		call = n.X
	case *ast.DeferStmt:
		call = n.Call
	}
	if call, ok := call.(*ast.CallExpr); ok {
		if f, ok := call.Fun.(*ast.SelectorExpr); ok {
			return slices.Contains([]string{"Lock", "Unlock", "RLock", "RUnlock"}, f.Sel.Name)
		}
	}
	return false
}

// boundary is the operator of a comparison.
type boundary struct{ *ast.BinaryExpr }

func (b boundary) Pos() token.Pos { return b.OpPos }
func (b boundary) End() token.Pos { return b.OpPos + token.Pos(len(b.Op.String())) }

var boundaries = map[token.Token]string{token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">"}

type verdict int

const (
	noticed verdict = iota
	survived
	invalid // does not compile
)

// all tests the mutants and prints those that survive, and a summary.
func (t tester) all(mutants []mutant, workers int) {
	queue := make(chan mutant)
	var mu sync.Mutex // guards what follows, and the output
	counts := map[verdict]int{}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for m := range queue {
				v, err := t.test(m)
				mu.Lock()
				if err != nil {
					log.Fatal("mutate: ", err)
				}
				counts[v]++
				if v == survived {
					fmt.Printf("%s:%d: %s\n", m.file, m.line, m.what)
				}
				mu.Unlock()
			}
		})
	}
	for _, m := range mutants {
		queue <- m
	}
	close(queue)
	wg.Wait()
	fmt.Printf("%d changes survived, %d were noticed, %d do not compile\n", counts[survived], counts[noticed], counts[invalid])
}

// test runs the tests of the package with one change.
func (t tester) test(m mutant) (verdict, error) {
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(work)
	source, err := os.ReadFile(m.file)
	if err != nil {
		return 0, err
	}
	changed := filepath.Join(work, filepath.Base(m.file))
	content := slices.Concat(source[:m.start], []byte(m.by), source[m.end:])
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{m.file: changed}})
	if err != nil {
		return 0, err
	}
	list := filepath.Join(work, "overlay.json")
	if err := errors.Join(os.WriteFile(changed, content, 0o600), os.WriteFile(list, overlay, 0o600)); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), t.timeout+time.Minute)
	defer cancel()
	if t.slow == "" {
		return t.goTest(ctx, list, "-run="+t.run), nil
	}
	v := t.goTest(ctx, list, "-run="+t.run, "-skip="+t.slow)
	if v == survived {
		v = t.goTest(ctx, list, "-run="+t.slow)
	}
	return v, nil
}

// goTest runs the tests that the flags select with an overlay.
func (t tester) goTest(ctx context.Context, overlay string, flags ...string) verdict {
	args := []string{"test", "-vet=off", "-failfast", "-count=1", "-ldflags=-s -w", "-timeout=" + t.timeout.String(), "-overlay=" + overlay}
	cmd := exec.CommandContext(ctx, "go", append(append(args, flags...), t.pkg)...)
	cmd.Dir = t.dir
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return survived
	case bytes.Contains(out, []byte("[build failed]")):
		return invalid
	}
	return noticed
}
