package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

// A module whose test notices some changes and not others.
var module = map[string]string{
	"go.mod": "module example.com/m\n\ngo 1.26\n",
	"m.go": `package m

var calls int

func Clamp(n int) int {
	calls++
	if n < 0 && calls > 0 {
		return 0
	}
	return n
}
`,
	"m_test.go": `package m

import "testing"

func TestClamp(t *testing.T) {
	if Clamp(-1) != 0 || Clamp(1) != 1 {
		t.Error("wrong")
	}
}
`,
}

func TestVerdicts(t *testing.T) {
	dir := t.TempDir()
	for name, content := range module {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := tester{dir: dir, pkg: ".", timeout: time.Minute}
	mutants, err := m.mutants(regexp.MustCompile(""))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, mutant := range mutants {
		v, err := m.test(mutant)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, mutant.what+" = "+[]string{"noticed", "survived", "invalid"}[v])
	}
	want := []string{
		"removed: calls++ = noticed",
		"negated: n < 0 && calls > 0 = noticed",
		"taken for true: n < 0 = noticed",
		"taken for true: calls > 0 = survived",
		"moved the boundary: < = survived",
		"moved the boundary: > = survived",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}
