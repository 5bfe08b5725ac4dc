package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// printable escapes characters that could move the cursor or reorder the line, so
// that a server cannot control the terminal. The escapes are those of JSON, so
// JSON text keeps its meaning.
func printable(s string) string {
	safe := func(r rune) bool { return unicode.IsPrint(r) && r != utf8.RuneError || r == joiner }
	if strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case safe(r), r == utf8.RuneError:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// joiner joins emoji, and does no harm.
const joiner = '\u200d'

// eventName returns the name of an event as it is typed: with quotes if it needs
// them.
func eventName(event string) string {
	in, err := parseLine(event)
	if err == nil && event != "" && in.event == event && !in.asks && in.values == nil && printable(event) == event {
		return event
	}
	return printable(marshal(event))
}

// The colours of a session.
const (
	dim    = "\x1b[2m"
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[0m"
)

// A printer writes the lines of a session. It may be used concurrently.
type printer struct {
	color bool
	now   func() time.Time
	lost  func(error) // called if a line cannot be written; may be nil

	mu     sync.Mutex // held while a line is written
	w      io.Writer
	broken error // of the first line that could not be written
}

func newPrinter(w io.Writer, color bool) *printer {
	return &printer{w: w, color: color, now: time.Now}
}

// paint colours text, if colours are wanted.
func (p *printer) paint(color, text string) string {
	if !p.color || text == "" {
		return text
	}
	return color + text + reset
}

// line writes a line with the time and a mark for its kind.
func (p *printer) line(mark, color string, parts ...string) {
	var b strings.Builder
	b.WriteString(p.paint(dim, p.now().Format("15:04:05.000")))
	b.WriteString(" " + p.paint(color, mark))
	for _, part := range parts {
		if part != "" {
			b.WriteString(" " + part)
		}
	}
	b.WriteByte('\n')
	p.write(b.String())
}

// write writes lines.
func (p *printer) write(s string) {
	p.mu.Lock()
	_, err := io.WriteString(p.w, s)
	p.broken = cmp.Or(p.broken, err)
	p.mu.Unlock()
	if err != nil && p.lost != nil {
		p.lost(err)
	}
}

// failure returns the error of the first line that could not be written. It waits for a
// line that is being written.
func (p *printer) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.broken
}

// received shows an event of the server. id is not 0 if it wants an
// acknowledgement.
func (p *printer) received(event string, values []string, id int) {
	note := ""
	if id != 0 {
		note = p.paint(yellow, fmt.Sprintf("(wants /ack %d)", id))
	}
	p.line("<", cyan, p.paint(bold, eventName(event)), strings.Join(values, " "), note)
}

// acknowledged shows the answer to an event of ours. number counts those that have
// requested one.
func (p *printer) acknowledged(event string, number int, values []string, after time.Duration) {
	p.line("<", green, p.paint(green, fmt.Sprintf("ack #%d of %s:", number, eventName(event))), strings.Join(values, " "),
		p.paint(dim, "("+short(after)+")"))
}

// sent shows a line that was not typed on the terminal.
func (p *printer) sent(line string) { p.line(">", dim, printable(line)) }

// changed reports a change of the connection.
func (p *printer) changed(format string, args ...any) {
	p.line("*", yellow, p.paint(yellow, fmt.Sprintf(format, args...)))
}

// failed reports an error.
func (p *printer) failed(text string) { p.line("!", red, p.paint(red, text)) }

// text writes lines as they are.
func (p *printer) text(s string) { p.write(s + "\n") }

// short returns a duration in three digits or so.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	default:
		return d.Round(10 * time.Microsecond).String()
	}
}

// A record is an event as a JSON line.
type record struct {
	Time  string          `json:"time"`
	Event string          `json:"event"`
	Args  json.RawMessage `json:"args"`
	Ack   bool            `json:"ack,omitempty"`
}

// jsonLine returns an event as a line for programs.
func jsonLine(at time.Time, event, args string, wantsAck bool) string {
	return printable(marshal(record{
		Time:  at.UTC().Format("2006-01-02T15:04:05.000Z"),
		Event: event,
		Args:  json.RawMessage(args),
		Ack:   wantsAck,
	}))
}
