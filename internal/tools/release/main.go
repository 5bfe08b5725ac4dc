// Command release publishes the modules of this repository, which are released together
// and with the same version.
//
//	release list              lists the folders of the modules that are released
//	release proxy VERSION DIR writes them to DIR, which then serves as a module proxy
//	release prepare VERSION   makes their go.mod files those of a release
//
// In the repository the modules require each other with version v0.0.0 and a replace
// directive, so that each is tested with the others as they are. The go.mod files of a
// release have no such directives, with which go install refuses to work, and require
// the version that is released. A module is released unless its go.mod has a comment that
// starts with "Not released".
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("release: ")
	root := flag.String("root", ".", "the folder of the repository")
	flag.Parse()
	if err := run(*root, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

// run executes a command for the repository in the folder root.
func run(root string, args []string) error {
	modules, err := load(root)
	if err != nil {
		return err
	}
	switch {
	case len(args) == 1 && args[0] == "list":
		for _, m := range modules.released() {
			fmt.Println(m.dir)
		}
		return nil
	case len(args) == 3 && args[0] == "proxy":
		return modules.publish(root, args[1], args[2])
	case len(args) == 2 && args[0] == "prepare":
		return modules.prepare(root, args[1])
	}
	return fmt.Errorf("%q is not a valid command; see go doc ./release", args)
}

// prepare replaces the go.mod files of the released modules by those of version.
func (l list) prepare(root, version string) error {
	for _, m := range l.released() {
		text, err := l.goMod(m, version)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(root, m.dir, "go.mod"), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
