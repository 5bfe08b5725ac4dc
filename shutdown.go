package socketio

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed96b07ef8/socketio/internal/ctxerr"
)

// Shutdown gracefully ends the server, as that of net/http does. From then on, new
// connections are answered 503, requests to join a namespace are not answered, and
// events that arrive are dropped. Until ctx ends, handlers that run, and those of
// events that arrived before, may finish, send and answer. A socket without any is
// disconnected at once, with [ServerShuttingDown]. A connection is closed with its last
// socket, after its outbox has been flushed, or when it has none and its client asks
// for a namespace. Clients see "transport close" and reconnect: the server sends no
// CONNECT_ERROR or DISCONNECT, which they would treat as final.
//
// A handler that waits for its context, or for something else that ends only later,
// therefore blocks Shutdown until ctx ends; use [Server.OnShutdown] to end it. A
// handler must not wait for Shutdown, which waits for the handler.
//
// An event that was dropped is not acknowledged. A client that must not lose it has to
// send it again after it reconnects (Retries of the Go client, retries in JavaScript).
//
// If ctx ends first, Shutdown cancels the contexts of the handlers that still run,
// aborts the connections, and returns an error that matches that of ctx and says what
// Shutdown was waiting for. Last it closes the adapters and [Options.Adapter], which sends
// what waits for other nodes until ctx ends. Afterwards, Emit and the other operations on sockets return
// an error that matches [net.ErrClosed].
func (s *Server) Shutdown(ctx context.Context) (err error) {
	s.engine.StopAccepting()
	if s.beginShutdown() {
		s.callOnShutdown()
	}
	s.drain(ctx)
	s.eachSocket(func(socket *Socket) { socket.end(ServerShuttingDown, nil) })
	err = s.engine.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("socketio: Shutdown: connections were cut off: %w", err)
	}
	if !s.awaitHandlers(ctx) {
		err = fmt.Errorf("socketio: Shutdown: handlers still run: %w", ctxerr.Of(ctx))
	}
	defer func() { // last
		if closeErr := s.endProvider(ctx); err == nil {
			err = closeErr
		}
	}()
	for _, n := range s.all() {
		defer func() { // also if the adapter of another namespace ends the goroutine
			if closeErr := n.close(); err == nil {
				err = closeErr
			}
		}()
	}
	return err
}

// endProvider closes the provider of the adapters, once.
func (s *Server) endProvider(ctx context.Context) (err error) {
	s.closeProvider.Do(func() {
		err = s.protect("", "", func() error { return s.opts.Adapter.Close(ctx) })
	})
	return err
}

// OnShutdown registers a function that is called when [Server.Shutdown] begins, before
// it waits for handlers. Use it to stop handlers that run until they are asked to stop.
// Each function is called once, on a goroutine that Shutdown waits for as for a
// handler. The returned function removes it.
func (s *Server) OnShutdown(f func()) (off func()) { return s.onShutdown.Add(f, false) }

// beginShutdown has the server take no more events and requests. It returns false if it
// does not already.
func (s *Server) beginShutdown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.closed
	s.closed = true
	s.draining.Store(true)
	return first
}

func (s *Server) callOnShutdown() {
	for _, f := range s.onShutdown.Load() {
		s.workers.Begin()
		go func() {
			defer s.workers.End()
			_ = s.protect("", "shutdown", func() error { (*f)(); return nil }) // which logs a panic
		}()
	}
}

// drain ends the sockets as their handlers return. It returns when all handlers have, or
// ctx has ended.
func (s *Server) drain(ctx context.Context) {
	s.eachSocket((*Socket).drain)
	s.awaitHandlers(ctx)
}

// drain ends a socket for Shutdown, and its connection if no other socket needs it, as
// soon as the socket has nothing to do: that is now, or when the worker calls it again.
// A socket that ended before Shutdown began leaves the connection to drain, too. The
// server takes no more events: those that a worker does not see were dropped.
func (s *Socket) drain() {
	s.mu.Lock()
	idle := s.state != connecting && !s.working && s.inbox.isEmpty() && s.heldAcks == nil
	s.startLocked()
	s.mu.Unlock()
	s.conn.budget.wakeReader() // it drops the event for which it waits, and reads answers to handlers
	if idle {
		s.end(ServerShuttingDown, nil)
	}
	s.conn.closeUnused()
}

// closeUnused closes the connection unless the client is connected to a namespace: Shutdown
// has begun, and the client finds another server.
func (c *conn) closeUnused() {
	c.mu.Lock()
	used := slices.ContainsFunc(c.sockets, (*Socket).isConnected)
	c.mu.Unlock()
	if !used {
		c.engine.Close()
	}
}

// awaitHandlers waits until no handler runs. It returns false if ctx has ended before.
func (s *Server) awaitHandlers(ctx context.Context) bool {
	// In this order: what a reader leaves behind is done by a worker.
	return isClosedBefore(ctx, s.readers.Close()) && isClosedBefore(ctx, s.workers.Close())
}

// isClosedBefore waits until c is closed, or ctx has ended. It returns true if c is closed,
// also when both have happened: the caller reports what has not.
func isClosedBefore(ctx context.Context, c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	case <-ctx.Done():
	}
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (s *Server) eachSocket(f func(*Socket)) {
	for _, n := range s.all() {
		for _, socket := range n.Sockets() {
			f(socket)
		}
	}
}

// isClosed reports whether Shutdown was called.
func (s *Server) isClosed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.closed
}
