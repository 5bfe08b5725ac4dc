package client

import "github.com/seed96b07ef8/socketio/peer"

// HandlerMiddleware surrounds what an event of the server causes: the functions of OnAny
// and the event's handlers. They run when it calls next, with the context that it passes
// there, which should be derived from ctx: with a deadline, for example, or with a span.
// HandlerMiddleware is called once for each event, also for one without handlers, and may
// block as handlers may. It does not surround the functions of OnConnect and the like.
//
// next returns when the handlers have returned. Its error is the first one of them, an
// [*AckError] included, or a [*PanicError] after a panic; errors of further functions for
// the same event are answered or reported at once. Results of handlers have been sent by
// then; an ack function that a handler took may be called later.
//
// What HandlerMiddleware returns takes the place of the handlers' error. An *AckError is
// sent as the acknowledgement, unless a handler has acknowledged; other errors go to
// [Socket.OnError], and the server gets no answer. So HandlerMiddleware refuses an event
// by returning an error without calling next.
//
// next may be called once, on any goroutine, until HandlerMiddleware returns; other calls
// return an error and do nothing. If next still runs on another goroutine when
// HandlerMiddleware returns, the socket waits for it before it continues. A nil ctx panics.
//
// Package peer has the type, because servers have such middleware, too: a generic function
// can serve both ends.
type HandlerMiddleware = peer.HandlerMiddleware[*Socket]
