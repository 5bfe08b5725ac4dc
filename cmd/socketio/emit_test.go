package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// peers are the servers that the commands have to work with.
var peers = map[string]func(t *testing.T, msgpack bool) (url string){
	"go": func(t *testing.T, packed bool) string {
		opts := &socketio.Options{}
		if packed {
			opts.Codec = msgpack.Codec
		}
		return goServer(t, opts, func(io *socketio.Server) {
			io.On("sum", func(a, b int) int { return a + b })
			io.On("echo", func(args socketio.Args, ack func(...any)) {
				values := make([]any, args.Len())
				for i := range values {
					if err := args.DecodeAt(i, &values[i]); err != nil {
						t.Error(err)
					}
				}
				ack(values...)
			})
			io.On("kick", func(s *socketio.Socket) { s.Disconnect() })
			io.On("ignore", func(ack func()) {})
		})
	},
	"node": func(t *testing.T, packed bool) string {
		options := `{}`
		if packed {
			options = `{ parser: msgpack }`
		}
		return openNode(t, `const io = new Server(http, `+options+`);
			io.on("connection", (s) => {
				s.on("sum", (a, b, ack) => ack(a + b));
				s.on("echo", (...args) => args.pop()(...args));
				s.on("kick", () => s.disconnect());
				s.on("ignore", () => {});
			});
			return io;`).url
	},
}

func TestEmit(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "photo.png")
	if err := os.WriteFile(file, []byte("photo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, peer := range peers {
		for _, packed := range []bool{false, true} {
			url := peer(t, packed)
			for _, transport := range []string{"", "polling", "websocket", "websocket,polling"} {
				flags := []string{}
				label := name
				if transport != "" {
					label += " " + transport
					flags = append(flags, "--transport", transport)
				}
				if packed {
					label += " msgpack"
					flags = append(flags, "--msgpack")
				}
				t.Run(label, func(t *testing.T) {
					t.Parallel()
					for _, test := range []struct {
						args string // separated by spaces
						want string
					}{
						{`sum 1 -2`, `[-1]`},
						{`echo`, `[]`},
						{`echo null true "<ü>" {"a":[1.5,{}]}`, `[null,true,"<ü>",{"a":[1.5,{}]}]`},
						{`echo 0x68656c6c6f`, `[{"$binary":"aGVsbG8="}]`},
						{`echo {"x":[{"$binary":"aGVsbG8="}]} 1`, `[{"x":[{"$binary":"aGVsbG8="}]},1]`},
						{`echo @` + file, `[{"$binary":"cGhvdG8="}]`},
					} {
						// Flags may be before and after the arguments.
						args := append([]string{"emit"}, flags...)
						args = append(append(args, url), strings.Fields(test.args)...)
						run1(t, append(args, "--no-reconnect")...).want(t, exitOK, test.want+"\n", "")
					}
				})
			}
		}
	}
}

func TestEmitInVain(t *testing.T) {
	t.Parallel()
	for name, peer := range peers {
		url := peer(t, false)
		for _, test := range []struct {
			args string
			code int
			err  string
		}{
			{`ignore --timeout 300ms`, exitTimeout, "no acknowledgement of ignore within 300ms"},
			{`ignore --no-ack`, exitOK, ""},
			{`kick`, exitNoConnection, "disconnected: io server disconnect before kick was acknowledged"},
			{`disconnect`, exitUsage, "disconnect is an event that the protocol keeps for itself"},
		} {
			t.Run(name+" "+test.args, func(t *testing.T) {
				t.Parallel()
				run1(t, append([]string{"emit", url}, strings.Fields(test.args)...)...).want(t, test.code, "", test.err)
			})
		}
	}
}

// An event that is emitted without an acknowledgement is sent before the command
// ends.
func TestEmitWithoutAck(t *testing.T) {
	t.Parallel()
	got := make(chan int, 2)
	url := goServer(t, nil, func(io *socketio.Server) {
		io.On("upload", func(data []byte) { got <- len(data) })
	})
	file := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(file, make([]byte, 700_000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, transport := range []string{"polling", "websocket"} {
		run1(t, "emit", url, "upload", "@"+file, "--no-ack", "--transport", transport).want(t, exitOK, "", "")
		if n := receive(t, got); n != 700_000 {
			t.Errorf("%s: %d bytes came", transport, n)
		}
	}
}

// Numbers that JavaScript does not have, and the order of members, survive.
func TestEmitExactly(t *testing.T) {
	t.Parallel()
	url := goServer(t, nil, func(io *socketio.Server) {
		io.On("text", func(args socketio.Args) string { return string(args.Raw(0)) })
		io.On("big", func() map[string]uint64 { return map[string]uint64{"n": 1<<64 - 1} })
	})
	run1(t, "emit", url, "text", `{"z":1,"a":18446744073709551615}`).want(t, exitOK, `["{\"z\":1,\"a\":18446744073709551615}"]`, "")
	run1(t, "emit", url, "big").want(t, exitOK, `[{"n":18446744073709551615}]`, "")
}

func TestEmitStandardInput(t *testing.T) {
	t.Parallel()
	url := openNode(t, friendly).url
	socketioIn(t, "hello", "emit", url, "echo", "1", "@-").want(t, exitOK, `[1,{"$binary":"aGVsbG8="}]`, "")
}
