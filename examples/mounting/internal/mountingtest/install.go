package mountingtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const advice = `run "scripts/setup.sh" in the root of the repository, or install Node 20 with npm and run "npm ci" in examples/mounting`

// install runs "npm ci" when node_modules is missing or older than the lock file.
func install(root string) error {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("the JavaScript client is missing: %s: %w", advice, err)
		}
	}
	// The tests of several packages run at the same time.
	unlock, err := lock(filepath.Join(root, "package-lock.json"))
	if err != nil {
		return err
	}
	defer unlock()
	wanted, err := os.Stat(filepath.Join(root, "package-lock.json"))
	if err != nil {
		return err
	}
	// npm writes this file when it is done.
	installed, err := os.Stat(filepath.Join(root, "node_modules", ".package-lock.json"))
	if err == nil && !installed.ModTime().Before(wanted.ModTime()) {
		return nil
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the JavaScript client is missing and cannot be installed: %s: npm ci: %w\n%s", advice, err, out)
	}
	return nil
}
