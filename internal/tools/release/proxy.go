package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	modversion "golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// publish writes all released modules to a folder that serves as a module proxy
// (https://go.dev/ref/mod#goproxy-protocol).
func (l list) publish(root, version, proxy string) error {
	for _, m := range l.released() {
		if err := l.publishModule(m, root, version, proxy); err != nil {
			return fmt.Errorf("%s: %w", m.path, err)
		}
	}
	return nil
}

func (l list) publishModule(m *module, root, version, proxy string) error {
	goMod, err := l.goMod(m, version)
	if err != nil {
		return err
	}
	files, err := tracked(filepath.Join(root, m.dir), goMod)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	if err := zip.Create(&archive, modversion.Version{Path: m.path, Version: version}, files); err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{version, time.Now().UTC()})
	if err != nil {
		return err
	}
	escaped, err := modversion.EscapePath(m.path)
	if err != nil {
		return err
	}
	dir := filepath.Join(proxy, escaped, "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"list":            []byte(version + "\n"),
		version + ".info": info,
		version + ".mod":  goMod,
		version + ".zip":  archive.Bytes(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// tracked returns the files below dir that git knows or would add, with the given
// content of dir's go.mod. Those of modules below dir are left out by zip.Create.
func tracked(dir string, goMod []byte) ([]zip.File, error) {
	// A continuous integration server may run as another user than the checkout's owner.
	cmd := exec.Command("git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	var files []zip.File
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		f := file{name: name, source: filepath.Join(dir, name)}
		if name == "go.mod" {
			f.content = goMod
		}
		if _, err := f.Lstat(); err == nil { // else deleted, but not yet committed
			files = append(files, f)
		}
	}
	return files, nil
}

// A file is one of a module.
type file struct {
	name    string // in the module
	source  string // on disk
	content []byte // nil means what source has
}

func (f file) Path() string                { return f.name }
func (f file) Lstat() (fs.FileInfo, error) { return os.Lstat(f.source) }

func (f file) Open() (io.ReadCloser, error) {
	if f.content != nil {
		return io.NopCloser(bytes.NewReader(f.content)), nil
	}
	return os.Open(f.source)
}
