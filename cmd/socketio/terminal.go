package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"
)

// connect opens a session: with a person, or with a script.
func connect(ctx context.Context, std stdio, o *settings, c sessionSettings, rawURL string) error {
	if std.interactive {
		return connectTerminal(ctx, std, o, c, rawURL)
	}
	t, err := o.target(rawURL, std.err)
	if err != nil {
		return err
	}
	s := newSession(ctx, t, newPrinter(std.out, std.color), c.autoAck)
	s.scripted = true
	err = s.script(std.in)
	s.close()
	if err == nil {
		err = general(s.printer.failure()) // of lines that came meanwhile
	}
	return err
}

// connectTerminal is connect on a terminal.
func connectTerminal(ctx context.Context, std stdio, o *settings, c sessionSettings, rawURL string) error {
	terminal := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stdout}, "> ")
	log := std.err
	if term.IsTerminal(int(os.Stderr.Fd())) {
		log = terminal // so that it does not disturb the line that is typed
	}
	t, err := o.target(rawURL, log)
	if err != nil {
		return err
	}
	s := newSession(ctx, t, newPrinter(terminal, std.color), c.autoAck)
	s.hint = "; /connect connects again"
	defer s.close()
	// Until the connection stands, Ctrl-C is a signal.
	if err := s.start(); err != nil {
		return err
	}
	terminal.AutoCompleteCallback = s.complete
	terminal.History = &history{}
	if !c.noHistory {
		terminal.History = loadHistory(historyFile())
	}
	in := int(os.Stdin.Fd())
	before, err := term.MakeRaw(in)
	if err != nil {
		return general(err)
	}
	defer func() {
		_ = term.Restore(in, before) // there is nothing left to try
		_, _ = io.WriteString(os.Stdout, "\r\n")
	}()
	stop := followSize(terminal)
	defer stop()
	s.printer.text(s.printer.paint(dim, "/help lists the commands"))
	return s.interact(terminal)
}

// interact executes the lines that are typed.
func (s *session) interact(terminal *term.Terminal) error {
	ended := make(chan error, 1)
	go func() { // ends with the input, or the process
		for {
			line, err := terminal.ReadLine()
			if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
				ended <- err
				return
			}
			if !s.execute(line) {
				ended <- nil
				return
			}
		}
	}()
	select {
	case err := <-ended:
		if err != nil && err != io.EOF {
			return general(err)
		}
		return nil
	case <-s.ctx.Done():
		return errInterrupted
	}
}

// script executes and shows the lines of an input that is not a terminal.
func (s *session) script(in io.Reader) error {
	if err := s.start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { // ends with the input, or the process
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, maxLine)
		for lines.Scan() {
			line := lines.Text()
			if strings.TrimSpace(line) == "" {
				continue
			}
			s.printer.sent(line)
			if !s.execute(line) {
				break
			}
		}
		err := lines.Err()
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("a line of the input has more than %d MiB; binary data of any size is read from @FILE", maxLine>>20)
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		if err != nil {
			return general(err)
		}
		return s.result()
	case f := <-s.over:
		return f
	case <-s.ctx.Done():
		return errInterrupted
	}
}

// maxLine is the length of the longest line that is read from a pipe.
const maxLine = 64 << 20

// complete completes the command or the name of an event at the beginning of a line
// when the tab key is pressed, as far as that is certain.
func (s *session) complete(line string, pos int, key rune) (string, int, bool) {
	if key != '\t' {
		return "", 0, false
	}
	typed := line[:pos]
	common, found := "", 0
	for _, name := range s.names() {
		if !strings.HasPrefix(name, typed) {
			continue
		}
		if found++; found == 1 {
			common = name
		}
		for !strings.HasPrefix(name, common) {
			common = common[:len(common)-1]
		}
	}
	if found == 1 {
		common += " "
	}
	if found == 0 || typed == "" {
		return line, pos, true
	}
	common = strings.ToValidUTF8(common, "") // it may have been cut inside a character
	return common + line[pos:], len(common), true
}

// names returns what a line may begin with.
func (s *session) names() []string {
	var names []string
	for command := range commands {
		names = append(names, command)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, event := range s.events {
		names = append(names, eventName(event))
	}
	slices.Sort(names)
	return names
}

// measure sets a terminal's size.
func measure(t *term.Terminal) {
	if width, height, err := term.GetSize(int(os.Stdout.Fd())); err == nil && width > 0 {
		_ = t.SetSize(width, height) // an error only affects drawing
	}
}
