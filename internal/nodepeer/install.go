package nodepeer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// install runs "npm ci" when node_modules is missing or older than the lock file, as
// scripts/npm.sh does.
func install(dir string) error {
	if _, err := exec.LookPath("node"); err != nil {
		return missing(dir, err)
	}
	// The tests of several packages run at the same time.
	lockFile := filepath.Join(dir, "package-lock.json")
	unlock, err := lock(lockFile)
	if err != nil {
		return err
	}
	defer unlock()
	wanted, err := os.Stat(lockFile)
	if err != nil {
		return err
	}
	// npm writes this file when it is done.
	installed, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	if err == nil && !installed.ModTime().Before(wanted.ModTime()) {
		return nil
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return missing(dir, fmt.Errorf("npm ci: %w\n%s", err, out))
	}
	return nil
}

func missing(dir string, err error) error {
	if abs, absErr := filepath.Abs(dir); absErr == nil {
		dir = abs
	}
	return fmt.Errorf("these tests need Node 20 with npm, and what %s lists: "+
		"scripts/setup.sh in the root of the repository installs it: %w", filepath.Join(dir, "package-lock.json"), err)
}
