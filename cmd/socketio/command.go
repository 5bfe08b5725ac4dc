package main

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const rootHelp = `Talk to Socket.IO servers, of Socket.IO 3 and later.

The path of the URL is the namespace; http:// may be left out. Values are JSON.
Binary data is @FILE, @- for standard input (emit), 0x and hexadecimal digits, or,
anywhere in a value, {"$binary":"<base64>"}, which is also how it is printed.

Exit codes:
  0    all went well
  1    an error without a code of its own
  2    the command line is wrong
  3    there is no connection, or it was lost
  4    the server refuses the client
  5    something took longer than --timeout
  130  interrupted (listen: 0)`

const connectHelp = `Open a session with a server: type events, and see what happens.

A line is the name of an event and its values:

  chat {"room":"lobby"} "hello" 3
  sum 1 2 ?                   the question mark asks for an acknowledgement
  "chat message" @photo.png   names with spaces need quotes

/help lists the commands. When the input is no terminal, its lines are executed,
and the command ends when the acknowledgements have come.

The lines are kept in $XDG_STATE_HOME/socketio/history.`

const emitHelp = `Emit one event, wait for its acknowledgement, and print the arguments of that as
a JSON array.`

const emitExample = `  socketio emit localhost:3000 sum 1 2
  socketio emit localhost:3000 "chat message" '{"room":"lobby","text":"hi"}' --no-ack
  socketio emit localhost:3000/admin upload '"photo"' @photo.png --auth '{"token":"x"}'`

const listenHelp = `Print the events of a server, or only those with the given names, as JSON lines:

  {"time":"2026-01-02T15:04:05.123Z","event":"chat","args":["hello"]}

"ack":true says that the server waits for an acknowledgement. A server with
connection state recovery adds a text of its own to the arguments. What happens to
the connection goes to standard error. An interruption ends the command with exit
code 0.`

// newRoot makes the command line.
func newRoot(std stdio) *cobra.Command {
	root := &cobra.Command{
		Use:           "socketio",
		Short:         "Talk to Socket.IO servers",
		Long:          rootHelp,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return failf(exitUsage, "%v\nSee %s --help.", err, cmd.CommandPath())
	})
	root.AddCommand(newConnect(std), newEmit(std), newListen(std))
	return root
}

func newConnect(std stdio) *cobra.Command {
	var o settings
	var s sessionSettings
	cmd := &cobra.Command{
		Use:   "connect URL",
		Short: "Open an interactive session",
		Long:  connectHelp,
		Args:  arguments(1, 1, "a URL is"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return connect(cmd.Context(), std, &o, s, args[0])
		},
	}
	o.register(cmd.Flags())
	cmd.Flags().BoolVar(&s.autoAck, "auto-ack", false, "acknowledge events of the server with nothing")
	cmd.Flags().BoolVar(&s.noHistory, "no-history", false, "neither read nor keep the lines of earlier sessions")
	return cmd
}

func newEmit(std stdio) *cobra.Command {
	var o settings
	var noAck bool
	cmd := &cobra.Command{
		Use:     "emit URL EVENT [VALUE...]",
		Short:   "Emit an event and print its acknowledgement",
		Long:    emitHelp,
		Example: emitExample,
		Args:    arguments(2, -1, "a URL and the name of an event are"),
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := parseArguments(args[2:], std.in)
			if err != nil {
				return err
			}
			return emit(cmd.Context(), std, &o, args[0], args[1], values, noAck)
		},
	}
	o.register(cmd.Flags())
	cmd.Flags().BoolVar(&noAck, "no-ack", false, "do not ask for an acknowledgement")
	return cmd
}

func newListen(std stdio) *cobra.Command {
	var o settings
	var l listenSettings
	cmd := &cobra.Command{
		Use:   "listen URL [EVENT...]",
		Short: "Print events as JSON lines",
		Long:  listenHelp,
		Args:  arguments(1, -1, "a URL is"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if l.count < 0 {
				return failf(exitUsage, "--count %d: it must not be negative", l.count)
			}
			l.events = args[1:]
			err := listen(cmd.Context(), std, &o, l, args[0])
			if errors.Is(context.Cause(cmd.Context()), context.Canceled) {
				return nil
			}
			return err
		},
	}
	o.register(cmd.Flags())
	cmd.Flags().IntVarP(&l.count, "count", "c", 0, "end after so many events (0: never)")
	cmd.Flags().BoolVar(&l.autoAck, "auto-ack", false, "acknowledge events of the server with nothing")
	return cmd
}

// arguments checks how many there are; max is -1 for any number.
func arguments(min, max int, needed string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < min:
			return failf(exitUsage, "%s needed\nSee %s --help.", needed, cmd.CommandPath())
		case max >= 0 && len(args) > max:
			return failf(exitUsage, "nothing is known to do with %q\nSee %s --help.", args[max], cmd.CommandPath())
		}
		return nil
	}
}

// protectNegative keeps negative numbers from being taken for flags: the space
// that it puts in front means nothing in JSON. Values of flags stay as they are.
func protectNegative(root *cobra.Command, args []string) []string {
	args = append([]string(nil), args...)
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if i > 0 && takesValue(root, args[i-1]) {
			continue
		}
		if len(arg) > 1 && arg[0] == '-' && strings.IndexByte("0123456789", arg[1]) >= 0 {
			args[i] = " " + arg
		}
	}
	return args
}

// takesValue reports whether arg is a flag of a command whose value is the next argument.
func takesValue(root *cobra.Command, arg string) bool {
	for _, cmd := range root.Commands() {
		var flag *pflag.Flag
		if name, long := strings.CutPrefix(arg, "--"); long {
			flag = cmd.Flags().Lookup(name)
		} else if len(arg) == 2 && arg[0] == '-' {
			flag = cmd.Flags().ShorthandLookup(arg[1:])
		}
		if flag != nil {
			return flag.NoOptDefVal == ""
		}
	}
	return false
}

// version returns what the Go command knows of the program's version.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
