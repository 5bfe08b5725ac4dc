package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// install runs "npm ci" when node_modules is missing or older than the lock file.
func install(dir string) error {
	if _, err := exec.LookPath("node"); err != nil {
		return fmt.Errorf("the interop tests need Node 20 and npm (see interop/README.md): %w", err)
	}
	lock, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return err
	}
	// npm writes this file when it is done.
	installed, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	if err == nil && !installed.ModTime().Before(lock.ModTime()) {
		return nil
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci in %s: %w\n%s", dir, err, out)
	}
	return nil
}
