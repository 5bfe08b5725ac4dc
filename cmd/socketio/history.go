package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// maxHistory is how many lines are kept.
const maxHistory = 1000

// A history is the lines that were typed, the latest last. It implements
// [golang.org/x/term.History].
type history struct {
	file  string // where they are kept; "" for nowhere
	lines []string
}

// historyFile returns where the lines are kept, or "" if there is no place for
// that.
func historyFile() string {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		if runtime.GOOS == "windows" {
			dir = os.Getenv("LocalAppData")
		} else if home, err := os.UserHomeDir(); err == nil {
			dir = filepath.Join(home, ".local", "state")
		}
	}
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(dir, "socketio", "history")
}

// loadHistory reads the lines of earlier sessions. A file that has grown to twice
// what is kept is shortened.
func loadHistory(file string) *history {
	h := &history{file: file}
	if file == "" {
		return h
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return h // usually there is none yet
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for lines.Scan() {
		if line := lines.Text(); line != "" {
			h.lines = append(h.lines, line)
		}
	}
	read := len(h.lines)
	h.lines = h.lines[max(0, read-maxHistory):]
	if read >= 2*maxHistory {
		// What another session adds at this moment may be lost; it is a history.
		_ = os.WriteFile(file, []byte(strings.Join(h.lines, "\n")+"\n"), 0o600)
	}
	return h
}

// Add appends a line, unless it is the latest already.
func (h *history) Add(line string) {
	if line = strings.TrimSpace(line); line == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if len(h.lines) > maxHistory {
		h.lines = h.lines[1:]
	}
	if h.file == "" {
		return
	}
	// Ignore errors: they must not disturb the session.
	if os.MkdirAll(filepath.Dir(h.file), 0o700) != nil {
		return
	}
	f, err := os.OpenFile(h.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = f.WriteString(line + "\n")
	_ = f.Close()
}

// Len returns the number of lines.
func (h *history) Len() int { return len(h.lines) }

// At returns a line; 0 is the latest.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }
