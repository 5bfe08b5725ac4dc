// Echo mounts a Socket.IO server in github.com/labstack/echo.
//
//	go run ./echo -addr :3000
package main

import (
	"net/http"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/seed96b07ef8/socketio/examples/mounting/app"
)

func main() { app.Main(newHandler) }

func newHandler(a *app.App) http.Handler {
	e := echo.New()
	e.Use(middleware.Recover())
	e.Use(echo.WrapMiddleware(a.Sessions)) // ordinary middleware
	e.POST("/login", echo.WrapHandler(http.HandlerFunc(a.Login)))

	// Any takes all methods, the wildcard everything below.
	e.Any("/socket.io/*", echo.WrapHandler(a))

	// Under a prefix, for clients with { path: "/api/realtime/" }.
	api := e.Group("/api")
	api.Any("/realtime/*", echo.WrapHandler(a))
	return e
}
