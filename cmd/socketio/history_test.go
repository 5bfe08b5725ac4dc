package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHistory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "history")
	h := loadHistory(file)
	for _, line := range []string{"a", "a", " ", "", "b", "a"} {
		h.Add(line)
	}
	for _, h := range []*history{h, loadHistory(file)} {
		if h.Len() != 3 || h.At(0) != "a" || h.At(1) != "b" || h.At(2) != "a" {
			t.Errorf("got %q", h.lines)
		}
	}
}

// Neither the list nor the file grows without bound.
func TestHistoryIsBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history")
	h := loadHistory(file)
	for i := range 2*maxHistory + 1 {
		h.Add(fmt.Sprint(i))
	}
	for _, h := range []*history{h, loadHistory(file), loadHistory(file)} {
		if h.Len() != maxHistory || h.At(0) != fmt.Sprint(2*maxHistory) {
			t.Errorf("%d lines, the latest %q", h.Len(), h.At(0))
		}
	}
	data, err := os.ReadFile(file)
	if n := strings.Count(string(data), "\n"); err != nil || n != maxHistory {
		t.Errorf("%d lines in the file, %v", n, err)
	}
}

// A history that cannot be stored does no harm.
func TestHistoryWithoutFile(t *testing.T) {
	for _, file := range []string{"", filepath.Join(t.TempDir(), "\x00", "history"), filepath.Join("go.mod", "history")} {
		h := loadHistory(file)
		h.Add("a")
		if h.Len() != 1 || h.At(0) != "a" {
			t.Errorf("%q: got %q", file, h.lines)
		}
	}
}

func TestHistoryFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_STATE_HOME", dir)
	if got := historyFile(); got != filepath.Join(dir, "socketio", "history") {
		t.Errorf("got %s", got)
	}
	t.Setenv("XDG_STATE_HOME", "relative") // which is to be ignored
	t.Setenv("HOME", dir)
	t.Setenv("LocalAppData", dir)
	if got := historyFile(); !strings.HasPrefix(got, dir) || filepath.Base(filepath.Dir(got)) != "socketio" {
		t.Errorf("got %s", got)
	}
	t.Setenv("HOME", "")
	t.Setenv("LocalAppData", "")
	if got := historyFile(); got != "" {
		t.Errorf("got %s", got)
	}
}
