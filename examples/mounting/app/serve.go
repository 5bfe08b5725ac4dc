package app

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Main is the main function of the examples, which differ in newHandler.
func Main(newHandler func(a *App) http.Handler) {
	addr := flag.String("addr", ":3000", "`address` to listen on")
	name := flag.String("name", "", "`name` that tells this server from others")
	origin := flag.String("origin", "", "another `origin` whose pages may connect, such as https://www.example.com")
	cert := flag.String("cert", "", "`file` with a certificate: serve https")
	key := flag.String("key", "", "`file` with the certificate's key")
	trustProxy := flag.Bool("trust-proxy", false, "believe X-Forwarded-For and X-Forwarded-Proto")
	flag.Parse()

	opts := Options{Name: *name, TrustProxy: *trustProxy}
	if *origin != "" {
		opts.Origins = []string{*origin}
	}
	if k := os.Getenv("SESSION_KEY"); k != "" {
		opts.Key = []byte(k)
	}
	var config *tls.Config
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			log.Fatal(err)
		}
		config = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Listening on %s\n", listener.Addr())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	a := New(opts)
	if err := Serve(ctx, listener, config, a, newHandler(a)); err != nil {
		log.Fatal(err)
	}
}

// Serve serves handler, which has a mounted somewhere, until ctx ends, over TLS if
// there is a config. It closes the listener.
func Serve(ctx context.Context, listener net.Listener, config *tls.Config, a *App, handler http.Handler) error {
	server := &http.Server{
		Handler:   handler,
		TLSConfig: config.Clone(), // the server adds to it
		// Protect against clients that never finish a header or keep unused
		// connections. For everything else Socket.IO sets its own deadlines.
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	failed := make(chan error, 1)
	go func() { // ends with Shutdown
		if config != nil {
			failed <- server.ServeTLS(listener, "", "")
		} else {
			failed <- server.Serve(listener)
		}
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	// Disconnect the clients first: http.Server.Shutdown would wait for their
	// requests, and does not know about WebSockets.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(a.Shutdown(ctx), server.Shutdown(ctx))
}
