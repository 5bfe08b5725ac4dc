// Chi mounts a Socket.IO server in a router of github.com/go-chi/chi.
//
//	go run ./chi -addr :3000
package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/seed96b07ef8/socketio/examples/mounting/app"
)

func main() { app.Main(newHandler) }

func newHandler(a *app.App) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Recoverer)
	r.Use(a.Sessions) // chi's middleware is ordinary middleware
	r.Post("/login", a.Login)

	// Mount takes all methods and everything below.
	r.Mount("/socket.io", a)

	// Under a prefix, for clients with { path: "/api/realtime/" }, beside routes
	// that have middleware of their own. Timeout is not for Socket.IO: it would end
	// every poll that waits for longer.
	r.Route("/api", func(r chi.Router) {
		r.Mount("/realtime", a)
	})
	return r
}
