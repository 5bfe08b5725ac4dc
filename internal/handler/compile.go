package handler

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/seed96b07ef8/socketio/parser"
)

// Compile returns a function that calls handler with the arguments of an event.
// The error describes what is wrong with the handler's type, and the required
// form.
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
	p, err := newPlan[S](handler)
	if err != nil {
		return nil, fmt.Errorf("has type %T: %w; it has to be a\n\tfunc([ctx context.Context,] [s %v,] args... [, ack func(...)]) [results...] [error]",
			handler, err, reflect.TypeFor[S]())
	}
	return p.call, nil
}

// CompileWithoutSocket is Compile for handlers of events without a socket.
func CompileWithoutSocket[S any](handler any) (func(*Call[S]) error, error) {
	if handler == nil {
		return nil, errNil
	}
	if call := taking[S](handler); call != nil {
		return call, nil
	}
	p, err := newPlan[S](handler)
	if err == nil && p.socket {
		err = errors.New("there is no socket")
	}
	if err != nil {
		return nil, fmt.Errorf("has type %T: %w; it has to be a\n\tfunc([ctx context.Context,] args... [, ack func(...)]) [results...] [error]", handler, err)
	}
	return p.call, nil
}

var errNil = errors.New("is nil")

// direct returns a call without reflection for a handler of a common type, or nil.
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
			return c.acknowledge(f(c.context(), c.Args))
		})
	case func(context.Context, S, parser.Args) error:
		return notNil(f != nil, func(c *Call[S]) error {
			return c.acknowledge(f(c.context(), c.Socket, c.Args))
		})
	case func(context.Context, S, Taker) error: // package event's, like the next
		return func(c *Call[S]) error {
			return c.conclude(c.acknowledge(f(c.context(), c.Socket, c)))
		}
	case func(context.Context, S, Taker) (any, error):
		return func(c *Call[S]) error {
			return c.conclude(c.result(f(c.context(), c.Socket, c)))
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

// taking returns the call of a handler that package event made without a socket
// parameter, or nil.
func taking[S any](handler any) func(*Call[S]) error {
	switch f := handler.(type) {
	case func(context.Context, Taker) error:
		return func(c *Call[S]) error {
			return c.conclude(c.acknowledge(f(c.context(), c)))
		}
	case func(context.Context, Taker) (any, error):
		return func(c *Call[S]) error { return c.conclude(c.result(f(c.context(), c))) }
	}
	return nil
}

// notNil returns call, or nil for a nil function, for which the plan returns an
// error.
func notNil[S any](ok bool, call func(*Call[S]) error) func(*Call[S]) error {
	if !ok {
		return nil
	}
	return call
}
