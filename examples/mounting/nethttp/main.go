// Nethttp mounts a Socket.IO server in the standard library's router.
//
//	go run ./nethttp -addr :3000
package main

import (
	"net/http"

	"github.com/seed96b07ef8/socketio/examples/mounting/app"
)

func main() { app.Main(newHandler) }

func newHandler(a *app.App) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", a.Login)

	// A pattern that ends with a slash stands for everything below. It has no
	// method: clients use GET and POST, and browsers OPTIONS.
	mux.Handle("/socket.io/", a)

	// Under a prefix, for clients with { path: "/api/realtime/" }. The path means
	// nothing to the server, so there is no need for http.StripPrefix, but it does
	// no harm.
	api := http.NewServeMux()
	api.Handle("/realtime/", a)
	mux.Handle("/api/", http.StripPrefix("/api", api))

	// Middleware wraps the whole, or single handlers.
	return a.Sessions(mux)
}
