// Chat is a chat for the browser: rooms, nicks, who is typing, who is online,
// private messages that say when they were delivered, and images.
//
// Run it with "make chat" in the root of the repository, or here, in examples/,
// with
//
//	npm ci && go run ./chat
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

//go:embed public
var public embed.FS

func main() {
	addr := flag.String("addr", envOr("ADDR", ":3000"), "`address` to listen on; the environment variable ADDR sets the default")
	client := flag.String("client", filepath.FromSlash("node_modules/socket.io-client/dist"), "`folder` with the JavaScript client")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	if err := run(ctx, *addr, *client); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, addr, client string) error {
	if _, err := os.Stat(filepath.Join(client, "socket.io.esm.min.js")); err != nil {
		return fmt.Errorf("the JavaScript client is missing: run \"npm ci\" in examples/, or say with -client where it is: %w", err)
	}
	c := newChat()
	server := &http.Server{Handler: newHandler(c, os.DirFS(client)), ReadHeaderTimeout: 10 * time.Second}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Printf("The chat is at %s\n", url(listener.Addr()))

	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }() // ends with Shutdown
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	// Disconnect the clients first: http.Server.Shutdown would wait for their
	// connections.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(c.Shutdown(ctx), server.Shutdown(ctx))
}

// newHandler serves the page, the JavaScript client that it uses, and the chat.
func newHandler(c *chat, client fs.FS) http.Handler {
	page, err := fs.Sub(public, "public")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", c)
	mux.Handle("/client/", http.StripPrefix("/client/", http.FileServerFS(client)))
	mux.Handle("/", http.FileServerFS(page))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The page treats messages as text, never as markup. If that fails one
		// day, the browser still runs only scripts of this server.
		w.Header().Set("Content-Security-Policy",
			"default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' blob: data:; base-uri 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

// url returns where a person on this machine finds what listens at addr.
func url(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

func envOr(name, value string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return value
}
