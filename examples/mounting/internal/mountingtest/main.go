package mountingtest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// An Env is what the tests of a package share.
type Env struct {
	Node *Node
	Cert *Certificate
}

// Main is for TestMain: it runs the tests with an Env, which it stores in what env
// points to, and returns the exit code. root is the folder of the module.
func Main(m *testing.M, root string, env *Env) (code int) {
	flag.Parse()
	// The tests wait for Node most of the time.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
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
	if env.Node, err = StartNode(root, env.Cert.File); err != nil {
		report("set-up", err)
		return code
	}
	code = m.Run()
	report("node", env.Node.Stop())
	if code == 0 {
		if left := leftovers(); left != "" {
			fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", left)
			code = 1
		}
	}
	return code
}

// leftovers returns the stacks of the library's goroutines that do not end.
func leftovers() string {
	for deadline := time.Now().Add(Patience); ; time.Sleep(time.Millisecond) { // between two looks
		var left []string
		buf := make([]byte, 1<<22)
		buf = buf[:runtime.Stack(buf, true)]
		for stack := range strings.SplitSeq(string(buf), "\n\n") {
			if strings.Contains(stack, "seed96b07ef8/socketio") && !strings.Contains(stack, "mountingtest.leftovers") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
	}
}
