// Command english counts words in comments and pages that the project does not use,
// because the Go projects that it wants to read like do not: "whoever waits is told" has
// no actor, "the caller gets an error" has. It fails when there are more per 1,000 lines
// than a limit allows.
//
//	english [-root folder]             counts and compares with the limits
//	english -list [-root folder]       lists the files with most of them first
//	english [-root folder] file.go ... lists the lines of these files
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// A pattern is something that the project does not write.
type pattern struct {
	name   string
	words  *regexp.Regexp // a match of its first group, if it has one, is fine
	usual  float64        // per 1,000 lines of comments in coder/websocket, quic-go, connect-go and nats.go, at most
	limit  float64        // what is allowed here; to be lowered to usual
	better string
}

var patterns = []pattern{
	{"whoever", words(`whoever|somebody|anybody|nobody`), 0.15, 0.6, `name the actor: "the caller", "the reader"`},
	{"but for", words(`but for`), 0.4, 0.2, `"except"`},
	{"is no", words(`(there )?(?:is|are|was|were) no \w+`), 0.5, 0.7, `"is not a valid"`},
	{"told", words(`tells?|told`), 2.3, 1, `functions are called, callers are notified, errors say`},
	{"goes", words(`goes|comes|gone`), 3.8, 1.8, `a precise verb: "arrives", "is closed", "has left"`},
	{"in vain", words(`in vain`), 0, 0.1, `say what happens instead`},
}

func words(expression string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(?:` + expression + `)\b`)
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("english: ")
	root := flag.String("root", ".", "the folder whose files are read")
	list := flag.Bool("list", false, "list the files, those with most matches first")
	flag.Parse()
	if err := run(os.Stdout, *root, *list, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer, root string, list bool, files []string) error {
	if len(files) > 0 {
		return show(w, root, files)
	}
	prose, err := readAll(root)
	if err != nil {
		return err
	}
	if list {
		listFiles(w, prose)
		return nil
	}
	return compare(w, prose)
}

// show lists the matches of some files.
func show(w io.Writer, root string, files []string) error {
	for _, name := range files {
		lines, err := read(filepath.Join(root, name))
		if err != nil {
			return err
		}
		for _, l := range lines {
			for _, p := range patterns {
				for _, found := range p.find(l.text) {
					fmt.Fprintf(w, "%s:%d: %q; better: %s\n", name, l.number, found, p.better)
				}
			}
		}
	}
	return nil
}

// listFiles lists the files that have matches, and how many of them.
func listFiles(w io.Writer, prose map[string][]line) {
	type count struct {
		name    string
		matches int
	}
	var counts []count
	for name, lines := range prose {
		n := 0
		for _, p := range patterns {
			n += p.count(lines)
		}
		if n > 0 {
			counts = append(counts, count{name, n})
		}
	}
	slices.SortFunc(counts, func(a, b count) int {
		return cmp.Or(cmp.Compare(b.matches, a.matches), cmp.Compare(a.name, b.name))
	})
	for _, c := range counts {
		fmt.Fprintf(w, "%4d %s\n", c.matches, c.name)
	}
}

// compare prints how often each pattern is found, and fails if that is too often.
func compare(w io.Writer, prose map[string][]line) error {
	total := 0
	for _, lines := range prose {
		total += len(lines)
	}
	if total == 0 {
		return errors.New("there are no comments and no pages")
	}
	var failed error
	fmt.Fprintf(w, "%-8s %7s %9s %9s %9s   of %d lines\n", "", "matches", "per 1,000", "limit", "elsewhere", total)
	for _, p := range patterns {
		n := 0
		for _, lines := range prose {
			n += p.count(lines)
		}
		rate := float64(n) * 1000 / float64(total)
		fmt.Fprintf(w, "%-8s %7d %9.2f %9.2f %9.2f\n", p.name, n, rate, p.limit, p.usual)
		if rate > p.limit {
			failed = errors.Join(failed, fmt.Errorf("%.2f matches of %q in 1,000 lines, want at most %.2f; better: %s", rate, p.name, p.limit, p.better))
		}
	}
	return failed
}

// count returns how often the pattern is found.
func (p *pattern) count(lines []line) int {
	n := 0
	for _, l := range lines {
		n += len(p.find(l.text))
	}
	return n
}

// find returns the words of a line that the pattern is about.
func (p *pattern) find(text string) []string {
	var found []string
	for _, match := range p.words.FindAllStringSubmatch(text, -1) {
		if len(match) == 1 || match[1] == "" {
			found = append(found, match[0])
		}
	}
	return found
}
