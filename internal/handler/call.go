package handler

import (
	"context"
	"reflect"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/parser"
)

// An Owner is whom an event comes from, as its handlers need it.
type Owner interface {
	// Context returns what handlers get as their ctx.
	Context() context.Context
	// Answer sends the acknowledgement with the given ID. args must not be kept.
	Answer(id uint64, args []any) error
	// Report is told of errors that have no caller to go to.
	Report(err error)
}

// A Call is an event on its way to its handlers.
type Call[S any] struct {
	// Socket is what handlers with a socket parameter get.
	Socket S
	// Owner is whom the event comes from.
	Owner Owner
	// Args are the arguments of the event.
	Args parser.Args
	// Last says that nobody else gets the arguments, before or after.
	Last bool
	// Wanted says that an acknowledgement is wanted, with the given ID.
	Wanted bool
	ID     uint64

	// Released says that nobody has the arguments any more.
	Released bool

	answered atomic.Bool
	kept     bool  // by an ack function
	taken    bool  // with Take,
	into     []any // into what these point to
	results  [2]any
}

// Reset makes the Call of an event that is over fit for the next. It returns false
// when a handler still has it.
func (c *Call[S]) Reset() bool {
	if c.kept {
		return false
	}
	*c = Call[S]{}
	return true
}

// Unanswered reports whether an acknowledgement is wanted that no handler has given, or
// can still give by an ack function.
func (c *Call[S]) Unanswered() bool { return c.Wanted && !c.kept && !c.answered.Load() }

// An Acknowledgement is an error with which a handler answers the other side, in
// place of its results. It is sent, and not reported.
type Acknowledgement interface {
	error
	// Acknowledgement returns the arguments of the answer.
	Acknowledgement() []any
}

// answer acknowledges with args. It does nothing for an event that wants no
// answer, or has one.
func (c *Call[S]) answer(args ...any) error {
	if !c.Wanted || c.answered.Swap(true) {
		return nil
	}
	return c.Owner.Answer(c.ID, args)
}

// acknowledge answers for a handler whose only result is err.
func (c *Call[S]) acknowledge(err error) error {
	if err != nil {
		return err
	}
	return c.answer()
}

// result answers for a handler with a result and an error.
func (c *Call[S]) result(result any, err error) error {
	if err != nil {
		return err
	}
	return c.answer(result)
}

// A Taker has the arguments of an event for a handler of package event, which knows
// what they are to be decoded into.
type Taker interface {
	// Len returns the number of arguments.
	Len() int
	// Take decodes the arguments, once. What is lent of them is lent until the handler
	// has returned.
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

// conclude ends what Take has begun, when the handler has returned err and its
// result was sent.
func (c *Call[S]) conclude(err error) error {
	if c.taken {
		c.releaseAfter(err, c.into)
	}
	return err
}

// releaseAfter gives up the arguments, which were taken into what ptrs point to.
func (c *Call[S]) releaseAfter(err error, ptrs []any) {
	if err != nil {
		ptrs = nil // the error, which is still to be sent, may consist of what was lent
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

// release gives up the arguments, which Take has decoded, and what is lent of them.
func (c *Call[S]) release(ptrs ...any) {
	c.Args.Release(ptrs...)
	c.Args = parser.Args{} // an ack function may keep the Call
	c.Released = true
}

// ackFunction makes the ack function that a handler wants. For an event that
// wants no answer it does nothing.
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
