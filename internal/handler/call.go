package handler

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/parser"
)

// An Owner is the socket from which an event arrived, as seen by its handlers.
type Owner interface {
	// Context returns the context that is passed to handlers.
	Context() context.Context
	// Answer sends the acknowledgement with the given ID. args must not be kept.
	Answer(id uint64, args []any) error
	// Report is called for errors that have no caller.
	Report(err error)
}

// A Call is an event that is passed to its handlers.
type Call[S any] struct {
	// Socket is passed to handlers with a socket parameter.
	Socket S
	// Owner is the socket from which the event arrived.
	Owner Owner
	// Ctx is passed to handlers with a context parameter. If it is nil, they get that of
	// Owner.
	Ctx context.Context
	// Args are the arguments of the event.
	Args parser.Args
	// Last reports that no other function receives the arguments, before or after.
	Last bool
	// Wanted reports that the peer requested an acknowledgement, with the given ID.
	Wanted bool
	ID     uint64

	// Released reports that the arguments are not used any more.
	Released bool

	answered atomic.Bool
	kept     bool  // by an ack function
	taken    bool  // with Take,
	into     []any // into what these point to
	results  [2]any
}

// Reset prepares the Call for the next event. It returns false if a handler may
// still use it.
func (c *Call[S]) Reset() bool {
	if c.kept {
		return false
	}
	*c = Call[S]{}
	return true
}

// Unanswered reports whether the peer requested an acknowledgement that no handler has
// sent or can still send with an ack function.
func (c *Call[S]) Unanswered() bool { return c.Wanted && !c.kept && !c.answered.Load() }

// context returns what handlers get as their ctx.
func (c *Call[S]) context() context.Context {
	if c.Ctx != nil {
		return c.Ctx
	}
	return c.Owner.Context()
}

// Settle answers with err if it is, or wraps, an [Acknowledgement]. It returns other
// errors, and what keeps the answer from being sent.
func (c *Call[S]) Settle(err error) error {
	if err == nil {
		return nil
	}
	if ack, ok := errors.AsType[Acknowledgement](err); ok {
		return c.answer(ack.Acknowledgement()...)
	}
	return err
}

// An Acknowledgement is an error that a handler returns to acknowledge the event
// in place of its results. It is sent to the peer and not reported.
type Acknowledgement interface {
	error
	// Acknowledgement returns the arguments of the answer.
	Acknowledgement() []any
}

// answer acknowledges with args. It does nothing if no acknowledgement was
// requested or one was already sent.
func (c *Call[S]) answer(args ...any) error {
	if !c.Wanted || c.answered.Swap(true) {
		return nil
	}
	return c.Owner.Answer(c.ID, args)
}

// acknowledge sends the acknowledgement of a handler whose only result is err.
func (c *Call[S]) acknowledge(err error) error {
	if err != nil {
		return err
	}
	return c.answer()
}

// result sends the acknowledgement of a handler with a result and an error.
func (c *Call[S]) result(result any, err error) error {
	if err != nil {
		return err
	}
	return c.answer(result)
}

// A Taker passes the arguments of an event to a handler of package event, which
// knows their Go types.
type Taker interface {
	// Len returns the number of arguments.
	Len() int
	// Take decodes the arguments and may be called once. [parser.Borrowed] values are
	// valid until the handler returns.
	Take(ptrs ...any) error
}

// Len implements [Taker].
func (c *Call[S]) Len() int { return c.Args.Len() }

// Take implements [Taker].
func (c *Call[S]) Take(ptrs ...any) error {
	if !c.Last {
		return c.Args.Decode(ptrs...)
	}
	if err := c.Args.Take(ptrs...); err != nil {
		return err
	}
	c.taken, c.into = true, ptrs
	return nil
}

// conclude releases the arguments that Take decoded, after the handler has
// returned err and its result was sent.
func (c *Call[S]) conclude(err error) error {
	if c.taken {
		c.releaseAfter(err, c.into)
	}
	return err
}

// releaseAfter releases the arguments, which were decoded into the values that ptrs
// point to.
func (c *Call[S]) releaseAfter(err error, ptrs []any) {
	if err != nil {
		ptrs = nil // the error may refer to lent memory and is still to be sent
	}
	c.release(ptrs...)
}

// first decodes the first argument.
func first[T any, S any](c *Call[S]) (arg T, err error) {
	if !c.Last {
		err = c.Args.DecodeAt(0, &arg)
	} else if err = c.Args.Take(&arg); err == nil {
		c.release()
	}
	return arg, err
}

// release releases the arguments that Take decoded, including lent memory.
func (c *Call[S]) release(ptrs ...any) {
	c.Args.Release(ptrs...)
	c.Args = parser.Args{} // an ack function may keep the Call
	c.Released = true
}

// ackFunction makes the ack function of a handler. The function does nothing if
// no acknowledgement was requested.
func (c *Call[S]) ackFunction(t reflect.Type) reflect.Value {
	c.kept = true
	answer := func(args ...any) {
		if err := c.answer(args...); err != nil {
			c.Owner.Report(err)
		}
	}
	var f any
	switch t {
	case reflect.TypeFor[func()]():
		f = func() { answer() }
	case reflect.TypeFor[func(string)]():
		f = func(arg string) { answer(arg) }
	case reflect.TypeFor[func(any)]():
		f = func(arg any) { answer(arg) }
	case reflect.TypeFor[func(...any)]():
		f = answer
	default:
		return reflect.MakeFunc(t, func(in []reflect.Value) []reflect.Value {
			args := make([]any, 0, len(in))
			for i, v := range in {
				if t.IsVariadic() && i == len(in)-1 {
					for j := range v.Len() {
						args = append(args, v.Index(j).Interface())
					}
					break
				}
				args = append(args, v.Interface())
			}
			answer(args...)
			return nil
		})
	}
	return reflect.ValueOf(f).Convert(t)
}
