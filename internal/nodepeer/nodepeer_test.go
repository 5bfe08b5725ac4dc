package nodepeer

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// newPackage makes an npm package without dependencies, with a driver.
func newPackage(t *testing.T) (dir string) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	library, err := filepath.Abs("driver.mjs")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for name, text := range map[string]string{
		"package.json":      `{"name":"x","version":"1.0.0"}`,
		"package-lock.json": `{"name":"x","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"x","version":"1.0.0"}}}`,
		"driver.mjs": `import { evaluate, say, serve } from "file://` + filepath.ToSlash(library) + `";
			await serve({ run: ({ code, args }) => evaluate(code, { say, args }) });`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// installed is the file of npm that says that the package is installed.
const installed = "node_modules/.package-lock.json"

// start runs the driver of a new package.
func start(t *testing.T, notify func(json.RawMessage)) *Process {
	t.Helper()
	dir := newPackage(t)
	if err := os.Mkdir(filepath.Join(dir, "node_modules"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, installed), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Driver{Dir: dir, File: "driver.mjs", Env: []string{"GREETING=hello"}, Notify: notify}.Start()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(p *Process, code string, args ...any) *Call {
	return p.Go("run", map[string]any{"code": code, "args": args})
}

func TestProcess(t *testing.T) {
	said := make(chan string, 1)
	p := start(t, func(message json.RawMessage) { said <- strings.TrimSpace(string(message)) })
	slow := run(p, `new Promise((resolve) => (globalThis.finish = resolve))`)
	for _, test := range []struct {
		code, want string
	}{
		{`process.env.GREETING + args[0]`, `"hello you"`},
		{`const x = await 1; return { x };`, `{ "x": 1 }`},
		{`undefined`, `null`},
		{`console.log("not JSON")`, `null`},
		{`say({ news: 1 }); return`, `null`},
		{`finish("late")`, `null`},
	} {
		got, err := run(p, test.code, " you").Wait()
		if err != nil {
			t.Fatal(err)
		}
		Equal(t, got, test.want)
	}
	if got := <-said; got != `{"news":1}` {
		t.Errorf("the driver said %s", got)
	}
	got, err := slow.Wait()
	if err != nil {
		t.Fatal(err)
	}
	Equal(t, got, `"late"`)
	for command, want := range map[string]string{
		`nonsense(`: "SyntaxError",
		`missing()`: "ReferenceError: missing is not defined",
	} {
		if _, err := run(p, command).Wait(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %s", command, err, want)
		}
	}
	if _, err := p.Call("unknown", nil); err == nil {
		t.Error("an unknown command succeeded")
	}
	if _, err := p.Call("run", func() {}); err == nil || errors.Is(err, ErrGone) {
		t.Errorf("got error %v for arguments that JSON does not have", err)
	}

	waits := run(p, `new Promise(() => {})`)
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := waits.Wait(); !errors.Is(err, ErrGone) {
		t.Errorf("got error %v", err)
	}
	if _, err := run(p, `1`).Wait(); !errors.Is(err, ErrGone) {
		t.Errorf("got error %v", err)
	}
	<-p.Gone()
}

// Calls return at once when the process ends.
func TestProcessDies(t *testing.T) {
	p := start(t, nil)
	if _, err := run(p, `process.exit(3)`).Wait(); !errors.Is(err, ErrGone) {
		t.Errorf("got error %v", err)
	}
	if err := p.Stop(); err == nil || !strings.Contains(err.Error(), "3") {
		t.Errorf("got error %v, want the exit status", err)
	}
}

// A process that does not react is killed.
func TestProcessHangs(t *testing.T) {
	p := start(t, nil)
	if _, err := run(p, `1`).Wait(); err != nil {
		t.Fatal(err)
	}
	patience = 100 * time.Millisecond
	t.Cleanup(func() { patience = Patience })
	if _, err := run(p, `for (;;);`).Wait(); err == nil || !strings.Contains(err.Error(), "did not finish") {
		t.Errorf("got error %v", err)
	}
	if err := p.Stop(); err == nil {
		t.Error("a process that was killed ended well")
	}
}

// Packages are installed when they are missing, and when the lock file is newer.
func TestInstall(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the npm of this test is a shell script")
	}
	dir, bin := newPackage(t), t.TempDir()
	script := "#!/bin/sh\n[ $1 = ci ] && mkdir -p node_modules && : >" + installed + "\n"
	if err := os.WriteFile(filepath.Join(bin, "npm"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	file := filepath.Join(dir, installed)
	old := time.Now().Add(-time.Hour)
	for range 2 {
		if err := install(dir); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.ModTime().Before(old.Add(time.Minute)) {
			t.Error("the packages were not installed again")
		}
		if err := os.Chtimes(file, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(filepath.Join(dir, "package-lock.json"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := install(dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || !info.ModTime().Equal(old) {
		t.Errorf("the packages were installed for nothing: %v", err)
	}
}

func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Driver{Dir: ".", File: "driver.mjs"}.Start()
	if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "scripts/setup.sh") {
		t.Errorf("got error %v", err)
	}
}

// Integers that are equal as float64 but differ in digits are different; different
// spellings of a number are equal.
func TestExactly(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{`9007199254740993`, `9007199254740992`, false},
		{`[{"n":-9007199254740993}]`, `[{"n":-9007199254740992}]`, false},
		{`18446744073709551615`, `18446744073709551615`, true},
		{`1e21`, `1e+21`, true},
		{`[100, 1.0, -0, 1.50]`, `[1e2, 1, 0, 1.5]`, true},
		{`0.1`, `0.2`, false},
		{`"1"`, `1`, false},
	} {
		a, err := exactly([]byte(test.a))
		b, err2 := exactly([]byte(test.b))
		if err != nil || err2 != nil || reflect.DeepEqual(a, b) != test.same {
			t.Errorf("%s and %s: %v, %v (%v, %v), want the same: %v", test.a, test.b, a, b, err, err2, test.same)
		}
	}
	if v, err := exactly([]byte(`1 2`)); err == nil {
		t.Errorf("two values became %v", v)
	}
}
