// Package cluster tests the codecs of package nodewire with the adapters of the reference
// implementation.
package cluster

import (
	"fmt"
	"os"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

// node reads and writes what the adapters do.
var node *nodepeer.Process

func TestMain(m *testing.M) {
	var err error
	if node, err = (nodepeer.Driver{Dir: "..", File: "js/cluster.mjs"}).Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(node.Run(m))
}
