// Package interoptest tests the msgpack codec with the reference implementation,
// the npm package socket.io-msgpack-parser. It needs Node 20 and npm.
package interoptest

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

// js is a Node process with the driver.
var js node

type node struct{ *nodepeer.Process }

func TestMain(m *testing.M) {
	var err error
	if js.Process, err = (nodepeer.Driver{Dir: ".", File: "driver.mjs"}).Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(js.Run(m))
}

// run evaluates JavaScript, an expression or the body of an async function, and
// returns its value. An exception fails the test.
func (n node) run(t *testing.T, code string, args ...any) json.RawMessage {
	t.Helper()
	value, err := n.Call("run", map[string]any{"code": code, "args": args})
	if err != nil {
		t.Fatalf("JavaScript: %s\n%v", code, err)
	}
	return value
}

// value is run for a value that fits a Go type.
func value[T any](t *testing.T, code string, args ...any) (v T) {
	t.Helper()
	if err := json.Unmarshal(js.run(t, code, args...), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// equal compares a value of JavaScript with JSON.
var equal = nodepeer.Equal

func TestVersions(t *testing.T) {
	equal(t, js.run(t, `return ["socket.io-client", "socket.io-msgpack-parser", "notepack.io"].map((name) =>
		JSON.parse(process.getBuiltinModule("node:fs").readFileSync("node_modules/" + name + "/package.json")).version)`),
		`["4.8.4","3.0.2","2.2.0"]`)
}
