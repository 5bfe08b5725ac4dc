// Not released: programs to be read.

module github.com/seed96b07ef8/socketio/examples

go 1.26.0

require (
	github.com/seed96b07ef8/socketio v0.0.0
	golang.org/x/text v0.42.0
	golang.org/x/time v0.16.0
)

require github.com/go-json-experiment/json v0.0.0-20260820222146-c27c302e5fc3 // indirect

replace github.com/seed96b07ef8/socketio => ../
