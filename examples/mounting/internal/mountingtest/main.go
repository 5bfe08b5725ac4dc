package mountingtest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

// An Env is what the tests of a package share.
type Env struct {
	Node *Node
	Cert *Certificate
}

// Main is for TestMain: it runs the tests with an Env, which it stores in what env
// points to, and returns the exit code. root is the folder of the module.
func Main(m *testing.M, root string, env *Env) (code int) {
	report := func(what string, err error) {
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
			code = 1
		}
	}
	dir, err := os.MkdirTemp("", "mounting")
	if err != nil {
		report("set-up", err)
		return code
	}
	defer func() { report("clean-up", os.RemoveAll(dir)) }()
	if env.Cert, err = newCertificate(filepath.Join(dir, "cert.pem")); err != nil {
		report("certificate", err)
		return code
	}
	process, err := nodepeer.Driver{
		Dir:  root,
		File: filepath.Join("internal", "mountingtest", "driver.mjs"),
		Env:  []string{"NODE_EXTRA_CA_CERTS=" + env.Cert.File},
	}.Start()
	if err != nil {
		report("set-up", err)
		return code
	}
	env.Node = &Node{process: process}
	return process.Run(m)
}
