// Command mutate changes a package in many small ways, one at a time, and lists the
// changes that the package's tests do not notice. Published tools negate conditions and
// swap operators; what our tests missed was mostly calls that could be left out, so this
// one removes statements, too.
//
//	go -C internal/tools run ./mutate -dir ../.. ./client
//
// All changes are compiled into one test program, in which an environment variable
// switches one of them on. Each test runs once by itself to find out which changes it
// reaches; a change is tested with those, the quick ones first. No file of the repository is changed: the program is built with
// an overlay.
package main

import (
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
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	log.SetFlags(0)
	t := tester{}
	flag.StringVar(&t.dir, "dir", ".", "folder of the module")
	files := flag.String("files", "", "regular expression that the names of the files match")
	flag.IntVar(&t.workers, "workers", 2, "how many changes are tested at the same time")
	most := flag.Int("most", 0, "how many changes to test, chosen at random; 0 means all")
	flag.DurationVar(&t.timeout, "timeout", 3*time.Minute, "how long the tests may take before the change counts as noticed")
	flag.StringVar(&t.run, "run", "", "what go test -run gets")
	flag.StringVar(&t.skip, "skip", "", "what go test -skip gets")
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
	err = t.main(work, only, *most)
	if err := errors.Join(err, os.RemoveAll(work)); err != nil {
		log.Fatal("mutate: ", err)
	}
}

// A tester runs the tests of a package.
type tester struct {
	dir, pkg  string
	run, skip string
	timeout   time.Duration
	workers   int

	program string // the tests with all changes
	folder  string // of the package
	tests   []test
}

// A test is one test of the package.
type test struct {
	name    string
	took    time.Duration
	reaches map[int]bool // numbers of mutants
}

// quick is how long tests take that run before the others.
const quick = 300 * time.Millisecond

func (t *tester) main(work string, only *regexp.Regexp, most int) error {
	mutants, err := t.build(work, only)
	if err != nil {
		return err
	}
	if err := t.survey(work); err != nil {
		return err
	}
	if most > 0 && most < len(mutants) {
		rand.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
		mutants = mutants[:most]
	}
	t.all(mutants)
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
	sources := make(map[string]string)
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
	sources["zz_mutate.go"] = fmt.Sprintf(chooser, lines[0], len(all)+1)
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
	return all, nil
}

// survey runs every test without a change.
func (t *tester) survey(work string) error {
	out, err := t.test(0, "", "-test.list=.").Output()
	if err != nil {
		return fmt.Errorf("listing the tests: %w", err)
	}
	run, err := regexp.Compile(t.run)
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(string(out)) {
		if run.MatchString(name) && !strings.HasPrefix(name, "Benchmark") {
			t.tests = append(t.tests, test{name: name})
		}
	}
	t.inParallel(len(t.tests), func(i int) {
		if err := t.surveyTest(&t.tests[i], work); err != nil {
			log.Print("mutate: left out: ", err)
		}
	})
	return nil
}

// surveyTest fills in what a test reaches, and how long it takes.
func (t *tester) surveyTest(one *test, work string) error {
	reached := filepath.Join(work, one.name)
	start := time.Now()
	out, err := t.test(0, reached, "-test.run=^"+one.name+"$", "-test.skip="+t.skip).CombinedOutput()
	one.took = time.Since(start)
	if err != nil {
		first, _, _ := strings.Cut(string(out), "\n")
		return fmt.Errorf("%s, which fails by itself without a change: %w: %s", one.name, err, first)
	}
	numbers, err := os.ReadFile(reached)
	one.reaches = make(map[int]bool)
	for s := range strings.FieldsSeq(string(numbers)) {
		if n, err := strconv.Atoi(s); err == nil {
			one.reaches[n] = true
		}
	}
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

func (t *tester) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = t.dir
	return cmd
}

// inParallel calls f for 0 to n-1.
func (t *tester) inParallel(n int, f func(i int)) {
	queue := make(chan int)
	var wg sync.WaitGroup
	for range t.workers {
		wg.Go(func() {
			for i := range queue {
				f(i)
			}
		})
	}
	for i := range n {
		queue <- i
	}
	close(queue)
	wg.Wait()
}

// all tests the mutants and prints those that survive, and a summary.
func (t *tester) all(mutants []mutant) {
	var mu sync.Mutex // guards what follows, and the output
	survivors := 0
	t.inParallel(len(mutants), func(i int) {
		m := mutants[i]
		verdict := t.verdict(m)
		mu.Lock()
		defer mu.Unlock()
		if verdict != noticed {
			survivors++
			fmt.Printf("%s:%d: %s (%s)\n", m.file, m.line, m.what, verdict)
		}
	})
	fmt.Printf("%d changes survived, %d were noticed\n", survivors, len(mutants)-survivors)
}

// Verdicts.
const (
	noticed   = "noticed"
	survived  = "survived"
	unreached = "no test reaches it"
)

// verdict runs the tests that reach a change.
func (t *tester) verdict(m mutant) string {
	var soon, late []string
	for _, one := range t.tests {
		switch {
		case !one.reaches[m.number]:
		case one.took < quick:
			soon = append(soon, one.name)
		default:
			late = append(late, one.name)
		}
	}
	if len(soon)+len(late) == 0 {
		return unreached
	}
	for _, names := range [][]string{soon, late} {
		if len(names) == 0 {
			continue
		}
		run := "-test.run=^(" + strings.Join(names, "|") + ")$"
		if t.test(m.number, "", "-test.failfast", run, "-test.skip="+t.skip).Run() != nil {
			return noticed
		}
	}
	return survived
}

// test returns the command that runs the tests with the change of a number, or none if
// that is 0. The numbers of the changes that it reaches are added to the file reached, if
// that is not "".
func (t *tester) test(number int, reached string, args ...string) *exec.Cmd {
	cmd := exec.Command(t.program, append(args, "-test.timeout="+t.timeout.String())...)
	cmd.Dir = t.folder
	cmd.Env = append(os.Environ(), fmt.Sprintf("MUTANT=%d", number), "MUTANTS_REACHED="+reached)
	cmd.WaitDelay = time.Second
	return cmd
}
