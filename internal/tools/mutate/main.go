// Command mutate changes a package in many small ways, one at a time, and lists the
// changes that the package's tests do not notice. Published tools negate conditions and
// swap operators; what our tests missed was mostly calls that could be left out, so this
// one removes statements, too.
//
//	go -C internal/tools run ./mutate -dir ../.. ./client
//
// All changes are compiled into one test program, in which an environment variable
// switches one of them on. No file of the repository is changed: the program is built with
// an overlay.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

func main() {
	log.SetFlags(0)
	t := tester{}
	flag.StringVar(&t.dir, "dir", ".", "folder of the module")
	files := flag.String("files", "", "regular expression that the names of the files match")
	workers := flag.Int("workers", 2, "how many changes are tested at the same time")
	most := flag.Int("most", 0, "how many changes to test, chosen at random; 0 means all")
	flag.DurationVar(&t.timeout, "timeout", 3*time.Minute, "how long the tests may take before the change counts as noticed")
	flag.StringVar(&t.run, "run", "", "what go test -run gets")
	flag.StringVar(&t.skip, "skip", "", "what go test -skip gets")
	flag.StringVar(&t.slow, "slow", "", "regular expression of tests that run only when the others have not noticed the change")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("mutate: name one package")
	}
	t.pkg = flag.Arg(0)
	only, err := regexp.Compile(*files)
	if err != nil {
		log.Fatal("mutate: ", err)
	}
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		log.Fatal("mutate: ", err)
	}
	err = t.main(work, only, *most, *workers)
	if err := errors.Join(err, os.RemoveAll(work)); err != nil {
		log.Fatal("mutate: ", err)
	}
}

// A tester runs the tests of a package.
type tester struct {
	dir, pkg        string
	run, skip, slow string
	timeout         time.Duration

	program string // the tests with all changes
	folder  string // of the package
}

func (t *tester) main(work string, only *regexp.Regexp, most, workers int) error {
	mutants, err := t.build(work, only)
	if err != nil {
		return err
	}
	if most > 0 && most < len(mutants) {
		rand.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
		mutants = mutants[:most]
	}
	t.all(mutants, workers)
	return nil
}

// build compiles the tests with the changes of the package's files whose names match only.
func (t *tester) build(work string, only *regexp.Regexp) ([]mutant, error) {
	out, err := t.command("go", "list", "-f", "{{.Name}}\n{{.Dir}}{{range .GoFiles}}\n{{.}}{{end}}", t.pkg).Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", t.pkg, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	t.folder = lines[1]
	var all []mutant
	sources := map[string]string{"zz_mutate.go": fmt.Sprintf(chooser, lines[0])}
	for _, name := range lines[2:] {
		if only.MatchString(name) {
			found, source, err := mutantsOf(filepath.Join(t.folder, name), len(all)+1)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
			sources[name] = source
		}
	}
	replace := make(map[string]string)
	for name, source := range sources {
		replace[filepath.Join(t.folder, name)] = filepath.Join(work, name)
		if err := os.WriteFile(filepath.Join(work, name), []byte(source), 0o600); err != nil {
			return nil, err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	list := filepath.Join(work, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return nil, err
	}
	t.program = filepath.Join(work, "tests")
	if out, err := t.command("go", "test", "-c", "-o", t.program, "-overlay="+list, t.pkg).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the tests: %w\n%s", err, out)
	}
	if out, err := t.tests(0, t.skip, t.run); err != nil {
		return nil, fmt.Errorf("the tests fail without a change: %w\n%s", err, out)
	}
	return all, nil
}

func (t *tester) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = t.dir
	return cmd
}

// all tests the mutants and prints those that survive, and a summary.
func (t *tester) all(mutants []mutant, workers int) {
	queue := make(chan mutant)
	var mu sync.Mutex // guards what follows, and the output
	survivors := 0
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for m := range queue {
				survived := t.survives(m)
				mu.Lock()
				if survived {
					survivors++
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
	fmt.Printf("%d changes survived, %d were noticed\n", survivors, len(mutants)-survivors)
}

// survives reports whether the tests do not notice a change.
func (t *tester) survives(m mutant) bool {
	if t.slow == "" {
		_, err := t.tests(m.number, t.skip, t.run)
		return err == nil
	}
	skip := t.slow
	if t.skip != "" {
		skip += "|" + t.skip
	}
	_, err := t.tests(m.number, skip, t.run)
	if err == nil {
		_, err = t.tests(m.number, t.skip, t.slow)
	}
	return err == nil
}

// tests runs the tests with the change of a number, or none if that is 0.
func (t *tester) tests(number int, skip, run string) (out []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), t.timeout+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.program, "-test.failfast", "-test.timeout="+t.timeout.String(),
		"-test.skip="+skip, "-test.run="+run)
	cmd.Dir = t.folder
	cmd.Env = append(os.Environ(), fmt.Sprintf("MUTANT=%d", number))
	cmd.WaitDelay = time.Second
	return cmd.CombinedOutput()
}
