package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// The exit codes, see the package documentation.
const (
	exitOK           = 0
	exitFailure      = 1
	exitUsage        = 2
	exitNoConnection = 3
	exitRefused      = 4
	exitTimeout      = 5
	exitInterrupted  = 130 // 128 and the number of SIGINT, as shells have it
)

// A failure is an error that ends the command.
type failure struct {
	code int
	text string
}

func (f *failure) Error() string { return f.text }

func failf(code int, format string, args ...any) *failure {
	return &failure{code, fmt.Sprintf(format, args...)}
}

// general makes an error a failure without a code of its own.
func general(err error) error {
	if err == nil {
		return nil
	}
	return failf(exitFailure, "%s", printable(err.Error()))
}

// errInterrupted ends a command without a word.
var errInterrupted = failf(exitInterrupted, "")

// stdio is where a command reads from and writes to.
type stdio struct {
	in       io.Reader
	out, err io.Writer
	// interactive says that in and out are a terminal.
	interactive bool
	// color says that out may be coloured.
	color bool
}

func main() {
	// The second signal ends the command at once, should it hang.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	terminal := term.IsTerminal(int(os.Stdout.Fd()))
	os.Exit(run(ctx, os.Args[1:], stdio{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		interactive: terminal && term.IsTerminal(int(os.Stdin.Fd())),
		color:       terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}))
}

// run executes a command line and returns the exit code.
func run(ctx context.Context, args []string, std stdio) int {
	root := newRoot(std)
	root.SetArgs(protectNegative(root, args))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	f, ok := errors.AsType[*failure](err)
	if !ok { // of cobra: it does not know the command
		f = failf(exitUsage, "%v\nSee socketio --help.", err)
	}
	if f.text != "" {
		fmt.Fprintln(std.err, "socketio:", f.text)
	}
	return f.code
}
