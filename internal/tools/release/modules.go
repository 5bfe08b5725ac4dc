package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// A list has all modules of the repository.
type list []*module

// A module is a folder with a go.mod file.
type module struct {
	dir    string // below the repository's, with slashes
	path   string
	text   []byte // of go.mod
	public bool
}

// load reads the go.mod files of a repository.
func load(root string) (list, error) {
	var modules list
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != root && skipped(d.Name()):
			return filepath.SkipDir
		case d.IsDir() || d.Name() != "go.mod":
			return nil
		}
		m, err := read(root, name)
		if err == nil {
			modules = append(modules, m)
		}
		return err
	})
	slices.SortFunc(modules, func(a, b *module) int { return cmp.Compare(a.path, b.path) })
	if err == nil && len(modules.released()) == 0 {
		err = fmt.Errorf("no module in %s is released", root)
	}
	return modules, err
}

// skipped reports whether a folder of that name has no modules of ours.
func skipped(name string) bool {
	return name == "node_modules" || name == "testdata" || strings.HasPrefix(name, ".")
}

func read(root, name string) (*module, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Rel(root, filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	m := &module{dir: filepath.ToSlash(dir), path: modfile.ModulePath(text), text: text, public: true}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "// Not released") {
			m.public = false
		}
	}
	if m.path == "" {
		return nil, fmt.Errorf("%s has no module path", name)
	}
	return m, nil
}

// released returns the modules that users can require.
func (l list) released() list {
	var public list
	for _, m := range l {
		if m.public {
			public = append(public, m)
		}
	}
	return public
}

// find returns the module with that path, or nil.
func (l list) find(path string) *module {
	for _, m := range l {
		if m.path == path {
			return m
		}
	}
	return nil
}

// goMod returns what the go.mod file of a module says when version is released.
func (l list) goMod(m *module, version string) ([]byte, error) {
	if semver.Canonical(version) != version {
		return nil, fmt.Errorf("%q is not a valid version: it must be like v1.2.3", version)
	}
	f, err := modfile.Parse(path.Join(m.dir, "go.mod"), m.text, nil)
	if err != nil {
		return nil, err
	}
	for _, r := range f.Replace {
		if l.find(r.Old.Path) == nil {
			return nil, fmt.Errorf("%s/go.mod replaces %s, which has no effect on those who require the module", m.dir, r.Old.Path)
		}
	}
	for _, r := range append([]*modfile.Replace(nil), f.Replace...) {
		err = errors.Join(err, f.DropReplace(r.Old.Path, r.Old.Version))
	}
	for _, r := range f.Require {
		switch of := l.find(r.Mod.Path); {
		case of == nil:
		case of.public:
			err = errors.Join(err, f.AddRequire(r.Mod.Path, version))
		default:
			return nil, fmt.Errorf("%s/go.mod requires %s, which is not released", m.dir, r.Mod.Path)
		}
	}
	if err != nil {
		return nil, err
	}
	f.Cleanup()
	return f.Format()
}
