// Not released: tests with peers in JavaScript and Python.

module github.com/seed96b07ef8/socketio/interop

go 1.26.0

require (
	github.com/coder/websocket v1.8.15
	github.com/seed96b07ef8/socketio v0.0.0
)

require github.com/go-json-experiment/json v0.0.0-20260820222146-c27c302e5fc3 // indirect

replace github.com/seed96b07ef8/socketio => ../
