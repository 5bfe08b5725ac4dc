package main

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/internal/tools/tree"
)

// A module whose test notices some changes and not others.
var module = map[string]string{
	"go.mod": "module example.com/m\n\ngo 1.26\n",
	"m.go": `package m

import "sync"

const debug = 1 > 2

var (
	mu    sync.Mutex
	calls int
)

func Clamp(n int) int {
	mu.Lock()
	defer mu.Unlock()
	calls++
	if n < 0 && calls > 0 || debug {
		return 0
	}
	return n
}

func Sum(n int) (sum int) {
	for i := 1; i <= n; i++ {
		switch sum += i; {
		case i < 0:
			panic("negative")
		case i > 3:
			sum--
		}
	}
	return sum
}
`,
	"m_test.go": `package m

import "testing"

func TestClamp(t *testing.T) {
	if Clamp(-1) != 0 || Clamp(1) != 1 {
		t.Error("wrong")
	}
}

func TestSum(t *testing.T) {
	if Sum(3) != 6 {
		t.Error("wrong")
	}
}
`,
}

func TestVerdicts(t *testing.T) {
	dir := tree.Write(t, module)
	m := tester{dir: dir, pkg: ".", timeout: time.Minute, workers: 2}
	work := t.TempDir()
	mutants, err := m.build(work, regexp.MustCompile(""))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.survey(work); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, mutant := range mutants {
		got = append(got, fmt.Sprintf("%d: %s = %s", mutant.line, mutant.what, m.verdict(mutant)))
	}
	want := []string{
		"15: removed: calls++ = noticed",
		"16: negated: n < 0 && calls > 0 || debug = noticed",
		"16: taken for false: n < 0 && calls > 0 = noticed",
		"16: taken for false: debug = survived",
		"16: taken for true: n < 0 = noticed",
		"16: taken for true: calls > 0 = survived",
		"16: moved the boundary: n < 0 = survived",
		"16: moved the boundary: calls > 0 = survived",
		"23: moved the boundary: i <= n = noticed",
		"25: moved the boundary: i < 0 = survived",
		"27: moved the boundary: i > 3 = noticed",
		"28: removed: sum-- = no test reaches it",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}
