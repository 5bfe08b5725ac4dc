//go:build unix

package main

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

// A display is a terminal as far as the tests need one: it shows what a person
// sees. It has no bottom, so nothing scrolls away.
type display struct {
	mu       sync.Mutex // guards what follows
	lines    [][]rune
	row, col int
	raw      []byte
	escape   []byte // an escape sequence that is not complete
	changed  chan struct{}
}

func newDisplay() *display {
	return &display{lines: make([][]rune, 1), changed: make(chan struct{}, 1)}
}

// Write takes what the command writes to its terminal.
func (d *display) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.raw = append(d.raw, b...)
	for _, r := range string(b) { // the tests write no character in two parts
		d.put(r)
	}
	select {
	case d.changed <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (d *display) put(r rune) {
	switch {
	case len(d.escape) > 0:
		d.escape = append(d.escape, byte(r))
		if r != '[' && r >= '@' {
			d.control(string(d.escape[2:len(d.escape)-1]), r)
			d.escape = nil
		}
	case r == '\x1b':
		d.escape = []byte{byte(r)}
	case r == '\r':
		d.col = 0
	case r == '\n':
		d.move(1, 0)
	default:
		line := d.lines[d.row]
		for len(line) <= d.col {
			line = append(line, ' ')
		}
		line[d.col] = r
		d.lines[d.row] = line
		d.col++
	}
}

// control executes an escape sequence.
func (d *display) control(parameter string, final rune) {
	n := 0
	for _, digit := range parameter {
		n = 10*n + int(digit-'0')
	}
	n = max(n, 1)
	switch final {
	case 'A':
		d.move(-n, 0)
	case 'B':
		d.move(n, 0)
	case 'C':
		d.move(0, n)
	case 'D':
		d.move(0, -n)
	case 'K':
		if d.col < len(d.lines[d.row]) {
			d.lines[d.row] = d.lines[d.row][:d.col]
		}
	}
}

func (d *display) move(rows, cols int) {
	d.row, d.col = max(d.row+rows, 0), max(d.col+cols, 0)
	for len(d.lines) <= d.row {
		d.lines = append(d.lines, nil)
	}
}

// text returns what there is to see, without spaces at the ends of lines, and with
// what differs from run to run removed.
func (d *display) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b strings.Builder
	for _, line := range d.lines {
		b.WriteString(strings.TrimRight(string(line), " "))
		b.WriteByte('\n')
	}
	return strings.TrimRight(timeless(b.String()), "\n")
}

// colored reports whether there were colours.
func (d *display) colored() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Contains(string(d.raw), dim)
}

// await waits until the last lines are those given.
func (d *display) await(t *testing.T, lines ...string) {
	t.Helper()
	want := strings.Join(lines, "\n")
	deadline := time.After(nodepeer.Patience)
	for !strings.HasSuffix("\n"+d.text(), "\n"+want) {
		select {
		case <-d.changed:
		case <-deadline:
			t.Fatalf("the screen shows\n%s\nwant at the end\n%s", d.text(), want)
		}
	}
}
