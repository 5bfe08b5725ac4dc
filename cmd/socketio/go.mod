module github.com/seed96b07ef8/socketio/cmd/socketio

go 1.26.0

require (
	github.com/creack/pty v1.1.24
	github.com/seed96b07ef8/socketio v0.0.0
	github.com/spf13/cobra v1.10.2
	github.com/spf13/pflag v1.0.9
	golang.org/x/term v0.47.0
)

require (
	github.com/go-json-experiment/json v0.0.0-20260820222146-c27c302e5fc3 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/seed96b07ef8/socketio => ../..
