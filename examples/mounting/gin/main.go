// Gin mounts a Socket.IO server in an engine of github.com/gin-gonic/gin.
//
//	go run ./gin -addr :3000
package main

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/seed96b07ef8/socketio/examples/mounting/app"
)

func main() {
	gin.SetMode(gin.ReleaseMode)
	app.Main(newHandler)
}

func newHandler(a *app.App) http.Handler {
	r := gin.New()
	r.Use(gin.Recovery(), wrap(a.Sessions))
	r.POST("/login", gin.WrapF(a.Login))

	// Any takes all methods, the wildcard everything below.
	r.Any("/socket.io/*any", gin.WrapH(a))

	// Under a prefix, for clients with { path: "/api/realtime/" }.
	api := r.Group("/api")
	api.Any("/realtime/*any", gin.WrapH(a))
	return r
}

// wrap makes gin's middleware of ordinary middleware, which gin has no function
// for. The writer is gin's own all the way: middleware that replaces it is better
// wrapped around the whole engine, which is an http.Handler.
func wrap(middleware func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		passed := false
		middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed = true
			c.Request = r
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
		if !passed {
			c.Abort() // the middleware has answered
		}
	}
}
