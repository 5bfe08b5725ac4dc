package handler

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// A plan describes the parameters and results of a handler that is called by
// reflection.
type plan[S any] struct {
	fn      reflect.Value
	ctx     bool
	socket  bool
	args    []reflect.Type // decoded one by one
	rest    reflect.Type   // element of a variadic parameter, or nil
	raw     bool           // an Args parameter takes the remaining arguments
	ack     reflect.Type   // the type of the ack parameter, or nil
	results int            // not including the error
	err     bool           // the last result is an error

	frames sync.Pool // of *frame
	reuse  bool      // the decoded arguments may be copied and their memory reused
}

func newPlan[S any](handler any) (*plan[S], error) {
	if handler == nil {
		return nil, errors.New("it is nil")
	}
	t := reflect.TypeOf(handler)
	if t.Kind() != reflect.Func {
		return nil, errors.New("it is not a function")
	}
	p := &plan[S]{fn: reflect.ValueOf(handler)}
	if p.fn.IsNil() {
		return nil, errors.New("it is nil")
	}
	if err := p.parameters(t); err != nil {
		return nil, err
	}
	if err := p.outcome(t); err != nil {
		return nil, err
	}
	p.reuse = !slices.ContainsFunc(p.args, selfMade)
	return p, nil
}

// parameters sets the plan's parameters: context, socket, arguments, remaining
// arguments, and an ack function.
func (p *plan[S]) parameters(t reflect.Type) error {
	in := make([]reflect.Type, t.NumIn())
	for i := range in {
		in[i] = t.In(i)
	}
	if len(in) > 0 && in[0] == contextType {
		p.ctx, in = true, in[1:]
	}
	if len(in) > 0 && in[0] == reflect.TypeFor[S]() {
		p.socket, in = true, in[1:]
	}
	if n := len(in); n > 0 && t.IsVariadic() {
		p.rest, in = in[n-1].Elem(), in[:n-1]
	} else if n > 0 && in[n-1].Kind() == reflect.Func {
		p.ack, in = in[n-1], in[:n-1]
	}
	if n := len(in); n > 0 && in[n-1] == argsType {
		p.raw, in = true, in[:n-1]
		if p.rest != nil {
			return errors.New("an Args and a variadic parameter both take the rest of the arguments")
		}
	}
	p.args = in
	for _, arg := range in {
		if err := checkArgument[S](arg); err != nil {
			return err
		}
	}
	if p.rest != nil {
		return checkArgument[S](p.rest)
	}
	return checkAck(p.ack)
}

// checkArgument returns an error if an argument cannot be decoded into a parameter of
// type t. For a misplaced context, socket, Args or ack function, the error names the
// right place.
func checkArgument[S any](t reflect.Type) error {
	socket := reflect.TypeFor[S]()
	switch {
	case t == contextType:
		return errors.New("the context has to be the first parameter")
	case t == socket:
		return fmt.Errorf("the %v has to be the first parameter, or the one behind the context", socket)
	case t == socket.Elem():
		return fmt.Errorf("the socket is a pointer: %v", socket)
	case isEmitter(t):
		return fmt.Errorf("a %v is not received; the socket that the event came over is a %v", t, socket)
	case t == argsType:
		return errors.New("an Args takes all arguments that follow: it has to be the last parameter, except an ack function")
	case t.Kind() == reflect.Func:
		return fmt.Errorf("nothing can be decoded into a %v; an ack function has to be the last parameter", t)
	}
	err := Receivable(t)
	if err == nil && staysZero(t) {
		err = errors.New("nothing can be decoded into a struct without exported fields")
	}
	if err != nil {
		return fmt.Errorf("parameter %v: %w", t, err)
	}
	return nil
}

// checkAck returns an error if t is not a valid ack function; t may be nil.
func checkAck(t reflect.Type) error {
	if t == nil {
		return nil
	}
	if t.NumOut() > 0 {
		return errors.New("its ack function must not return anything")
	}
	for in := range t.Ins() {
		if err := Sendable(in); err != nil {
			return fmt.Errorf("its ack function takes a %v: %w", in, err)
		}
	}
	return nil
}

// outcome sets the plan's results.
func (p *plan[S]) outcome(t reflect.Type) error {
	p.results = t.NumOut()
	if p.results > 0 && t.Out(p.results-1) == errorType {
		p.err = true
		p.results--
	}
	for i := range p.results {
		out := t.Out(i)
		if out == errorType {
			return errors.New("an error has to be its last result")
		}
		if err := Sendable(out); err != nil {
			return fmt.Errorf("result %v: %w", out, err)
		}
	}
	if p.results > 0 && p.ack != nil {
		return errors.New("it has results and an ack function, which would both be the acknowledgement")
	}
	return nil
}

// A frame is the memory of one call: the values that arguments are decoded into,
// and the handler's parameters. Frames are reused; the handler receives copies.
type frame struct {
	args []reflect.Value // pointers to the decoded arguments
	ptrs []any           // the same, as parameters of the decoder
	in   []reflect.Value
}

func (p *plan[S]) newFrame() *frame {
	f := &frame{in: make([]reflect.Value, 0, p.fn.Type().NumIn())}
	for _, t := range p.args {
		v := reflect.New(t)
		f.args = append(f.args, v)
		f.ptrs = append(f.ptrs, v.Interface())
	}
	return f
}

// release clears a frame and puts it back.
func (p *plan[S]) release(f *frame) {
	if !p.reuse {
		return
	}
	for _, v := range f.args {
		v.Elem().SetZero()
	}
	clear(f.in)
	f.in = f.in[:0]
	p.frames.Put(f)
}

// call decodes the arguments, calls the handler, and acknowledges with its
// results.
func (p *plan[S]) call(c *Call[S]) error {
	f, _ := p.frames.Get().(*frame)
	if f == nil {
		f = p.newFrame()
	}
	taken, err := p.decode(c, f.ptrs)
	if err != nil {
		p.release(f)
		return err
	}
	if p.ctx {
		f.in = append(f.in, reflect.ValueOf(c.context()))
	}
	if p.socket {
		f.in = append(f.in, reflect.ValueOf(c.Socket))
	}
	for _, v := range f.args {
		f.in = append(f.in, v.Elem())
	}
	switch n := len(p.args); {
	case p.raw:
		f.in = append(f.in, reflect.ValueOf(c.Args.From(n)))
	case p.rest != nil:
		for i := n; i < c.Args.Len(); i++ {
			v := reflect.New(p.rest)
			if err := c.Args.DecodeAt(i, v.Interface()); err != nil {
				p.release(f)
				return err
			}
			f.in = append(f.in, v.Elem())
		}
	}
	if p.ack != nil {
		f.in = append(f.in, c.ackFunction(p.ack))
	}
	// If the handler panics, the frame and memory lent to the handler are not reused.
	out := p.fn.Call(f.in)
	err = p.finish(c, out)
	if taken {
		c.releaseAfter(err, f.ptrs)
	}
	p.release(f)
	return err
}

// decode decodes the arguments. It reports whether it used [parser.Args.Take].
func (p *plan[S]) decode(c *Call[S], ptrs []any) (taken bool, err error) {
	if c.Last && !p.raw && p.rest == nil {
		return true, c.Args.Take(ptrs...)
	}
	return false, c.Args.Decode(ptrs...)
}

// finish handles the results of a handler.
func (p *plan[S]) finish(c *Call[S], out []reflect.Value) error {
	if p.err {
		if last := out[p.results]; !last.IsNil() {
			return last.Interface().(error)
		}
	}
	if !c.Wanted || p.ack != nil || p.results == 0 && !p.err {
		return nil
	}
	results := c.results[:0]
	for i := range p.results {
		results = append(results, out[i].Interface())
	}
	return c.answer(results...)
}
