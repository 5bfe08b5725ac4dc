package main

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A line is one of a comment or a page.
type line struct {
	number int
	text   string
}

// readAll returns the lines of all Go files and pages below root, by file.
func readAll(root string) (map[string][]line, error) {
	prose := make(map[string][]line)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch ext := filepath.Ext(name); {
		case err != nil:
			return err
		case d.IsDir() && name != root && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case d.IsDir() || ext != ".go" && ext != ".md":
			return nil
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		prose[relative], err = read(name)
		return err
	})
	return prose, err
}

// read returns the comments of a Go file, or the text of a page.
func read(name string) ([]line, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if filepath.Ext(name) == ".md" {
		return text(string(source)), nil
	}
	return comments(name, source), nil
}

// comments returns the lines of the comments, without empty ones.
func comments(name string, source []byte) []line {
	file := token.NewFileSet().AddFile(name, -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, scanner.ScanComments)
	var lines []line
	for {
		pos, kind, literal := s.Scan()
		switch kind {
		case token.EOF:
			return lines
		case token.COMMENT:
			first := file.Line(pos)
			for i, part := range strings.Split(literal, "\n") {
				if strings.Trim(part, "/* \t") != "" {
					lines = append(lines, line{first + i, part})
				}
			}
		}
	}
}

// text returns the lines of a page, without code blocks and empty lines.
func text(page string) []line {
	var lines []line
	code := false
	for i, part := range strings.Split(page, "\n") {
		switch {
		case strings.HasPrefix(strings.TrimSpace(part), "```"):
			code = !code
		case !code && strings.TrimSpace(part) != "":
			lines = append(lines, line{i + 1, part})
		}
	}
	return lines
}
