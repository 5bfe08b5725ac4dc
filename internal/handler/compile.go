package handler

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/seed96b07ef8/socketio/parser"
)

// Compile returns how a handler is called. The error says what is wrong with the
// handler's shape, and what it has to be.
func Compile[S any](handler any) (func(*Call[S]) error, error) {
	if handler == nil {
		return nil, errNil
	}
	if call := taking[S](handler); call != nil {
		return call, nil
	}
	if call := direct[S](handler); call != nil {
		return call, nil
	}
	if isContract(handler) {
		return nil, errContract
	}
	p, err := newPlan[S](handler)
	if err != nil {
		return nil, fmt.Errorf("is a %T: %w; it has to be a\n\tfunc([ctx context.Context,] [s %v,] args... [, ack func(...)]) [results...] [error]",
			handler, err, reflect.TypeFor[S]())
	}
	return p.call, nil
}

// CompileWithoutSocket is Compile for handlers of events that come from no
// socket.
func CompileWithoutSocket[S any](handler any) (func(*Call[S]) error, error) {
	if handler == nil {
		return nil, errNil
	}
	if call := taking[S](handler); call != nil {
		return call, nil
	}
	p, err := newPlan[S](handler)
	if err == nil && p.socket {
		err = fmt.Errorf("there is no socket")
	}
	if err != nil {
		return nil, fmt.Errorf("is a %T: %w; it has to be a\n\tfunc([ctx context.Context,] args... [, ack func(...)]) [results...] [error]", handler, err)
	}
	return p.call, nil
}

var (
	errNil      = errors.New("is nil")
	errContract = errors.New("is called with a socket of a server, which there is not here: register it with Handle, not with On or Once, of its Event or Call")
)

// isContract reports whether package event has made a handler, which then has a Taker as
// its last parameter.
func isContract(handler any) bool {
	t := reflect.TypeOf(handler)
	return t.Kind() == reflect.Func && t.NumIn() == 3 && t.In(2) == reflect.TypeFor[Taker]()
}

// direct returns the calls of common shapes, which need no reflection, or nil.
func direct[S any](handler any) func(*Call[S]) error {
	switch f := handler.(type) {
	case nil:
		return nil
	case func():
		return notNil[S](f != nil, func(*Call[S]) error { f(); return nil })
	case func(S):
		return notNil(f != nil, func(c *Call[S]) error { f(c.Socket); return nil })
	case func(parser.Args):
		return notNil(f != nil, func(c *Call[S]) error { f(c.Args); return nil })
	case func(S, parser.Args):
		return notNil(f != nil, func(c *Call[S]) error { f(c.Socket, c.Args); return nil })
	case func(context.Context, parser.Args) error:
		return notNil(f != nil, func(c *Call[S]) error {
			return c.acknowledge(f(c.Owner.Context(), c.Args))
		})
	case func(context.Context, S, parser.Args) error:
		return notNil(f != nil, func(c *Call[S]) error {
			return c.acknowledge(f(c.Owner.Context(), c.Socket, c.Args))
		})
	case func(context.Context, S, Taker) error: // package event's, like the next
		return func(c *Call[S]) error {
			return c.conclude(c.acknowledge(f(c.Owner.Context(), c.Socket, c)))
		}
	case func(context.Context, S, Taker) (any, error):
		return func(c *Call[S]) error {
			return c.conclude(c.result(f(c.Owner.Context(), c.Socket, c)))
		}
	case func(string):
		return notNil(f != nil, func(c *Call[S]) error {
			arg, err := first[string](c)
			if err == nil {
				f(arg)
			}
			return err
		})
	case func(S, string):
		return notNil(f != nil, func(c *Call[S]) error {
			arg, err := first[string](c)
			if err == nil {
				f(c.Socket, arg)
			}
			return err
		})
	case func(S, string) error:
		return notNil(f != nil, func(c *Call[S]) error {
			arg, err := first[string](c)
			if err != nil {
				return err
			}
			return c.acknowledge(f(c.Socket, arg))
		})
	}
	return nil
}

// taking returns the calls of the handlers that package event makes and that are not
// told the socket, or nil.
func taking[S any](handler any) func(*Call[S]) error {
	switch f := handler.(type) {
	case func(context.Context, Taker) error:
		return func(c *Call[S]) error {
			return c.conclude(c.acknowledge(f(c.Owner.Context(), c)))
		}
	case func(context.Context, Taker) (any, error):
		return func(c *Call[S]) error { return c.conclude(c.result(f(c.Owner.Context(), c))) }
	}
	return nil
}

// notNil returns call, or nil for a nil function, whose plan tells what is wrong
// with it.
func notNil[S any](ok bool, call func(*Call[S]) error) func(*Call[S]) error {
	if !ok {
		return nil
	}
	return call
}
