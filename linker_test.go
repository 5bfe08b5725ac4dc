package socketio_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// clientProgram is a program that uses the other end, contracts, and another codec.
const clientProgram = `package main

import (
	"context"
	"log"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/event"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

type move struct{ X, Y int }

func main() {
	c := client.New("https://example.com", &client.Options{Codec: msgpack.Codec})
	event.NewArgs[move]("move").Handle(c, func(context.Context, move) error { return nil })
	event.On(c, event.New[move]("moved"), func(context.Context, *client.Socket, move) error { return nil })
	c.On("news", func(m map[string]any) { log.Print(m) })
	log.Print(c.Connect(context.Background()))
}
`

// Programs do not carry methods that nothing calls. One use of reflect.Type.Method or
// MethodByName in the module would make the linker keep all exported methods of all
// types: a fifth of the program in README.md.
func TestDeadCodeElimination(t *testing.T) {
	t.Parallel()
	_, readme, _ := strings.Cut(readFile(t, "README.md"), "```go\n")
	readme, _, _ = strings.Cut(readme, "```")
	for name, program := range map[string]string{"README": readme, "client": clientProgram} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			source := filepath.Join(dir, "main.go")
			if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
				t.Fatal(err)
			}
			// The linker lists what refers to what, and marks the functions that call such
			// a method.
			out, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-dumpdep", "-o", filepath.Join(dir, "program"), source).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if !strings.Contains(string(out), "main.main -> ") {
				t.Fatalf("the linker's list has no main.main: %.500s", out)
			}
			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, "<ReflectMethod>") {
					t.Fatalf("the linker keeps all exported methods, because of %s", line)
				}
			}
		})
	}
}

// A program that is a client, with contracts, consists of nothing of the server.
func TestClientDoesNotLinkTheServer(t *testing.T) {
	t.Parallel()
	source := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(source, []byte(clientProgram), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", source).Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	for _, want := range []string{module + "/client", module + "/event", module + "/peer"} {
		if !slices.Contains(packages, want) {
			t.Errorf("the program does not import %s", want)
		}
	}
	for _, unwanted := range []string{module, module + "/adapter", module + "/internal/clientfiles"} {
		if slices.Contains(packages, unwanted) {
			t.Errorf("the program imports %s", unwanted)
		}
	}
}
