package handler

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/seed96b07ef8/socketio/parser"
)

// A plan says how to call a handler: what its parameters are and what becomes
// of its results.
type plan[S any] struct {
	fn      reflect.Value
	ctx     bool
	socket  bool
	args    []reflect.Type // decoded one by one
	rest    reflect.Type   // element of a variadic parameter, or nil
	raw     bool           // an Args parameter takes what follows
	ack     reflect.Type   // the type of the ack parameter, or nil
	results int            // without the error
	err     bool           // the last result is an error

	frames sync.Pool // of *frame
	reuse  bool      // the arguments may be copied, and their memory used again
}

var (
	contextType = reflect.TypeFor[context.Context]()
	argsType    = reflect.TypeFor[parser.Args]()
	errorType   = reflect.TypeFor[error]()
	emitterType = reflect.TypeFor[interface {
		Emit(event string, args ...any) error
	}]()
)

func newPlan[S any](handler any) (*plan[S], error) {
	if handler == nil {
		return nil, fmt.Errorf("it is nil")
	}
	socketType, t := reflect.TypeFor[S](), reflect.TypeOf(handler)
	if t.Kind() != reflect.Func {
		return nil, fmt.Errorf("it is no function")
	}
	p := &plan[S]{fn: reflect.ValueOf(handler)}
	if p.fn.IsNil() {
		return nil, fmt.Errorf("it is nil")
	}
	in := make([]reflect.Type, t.NumIn())
	for i := range in {
		in[i] = t.In(i)
	}
	if len(in) > 0 && in[0] == contextType {
		p.ctx, in = true, in[1:]
	}
	if len(in) > 0 && in[0] == socketType {
		p.socket, in = true, in[1:]
	}
	if n := len(in); n > 0 && t.IsVariadic() {
		p.rest, in = in[n-1].Elem(), in[:n-1]
		if !decodable(p.rest) {
			return nil, fmt.Errorf("nothing can be decoded into a %v", p.rest)
		}
	} else if n > 0 && in[n-1].Kind() == reflect.Func {
		p.ack, in = in[n-1], in[:n-1]
		if p.ack.NumOut() > 0 {
			return nil, fmt.Errorf("its ack function must not return anything")
		}
	}
	if n := len(in); n > 0 && in[n-1] == argsType {
		p.raw, in = true, in[:n-1]
		if p.rest != nil {
			return nil, fmt.Errorf("an Args and a variadic parameter both take the rest of the arguments")
		}
	}
	for _, arg := range in {
		if !decodable(arg) {
			return nil, fmt.Errorf("nothing can be decoded into a %v", arg)
		}
	}
	p.args = in
	p.reuse = !slices.ContainsFunc(in, selfMade)

	p.results = t.NumOut()
	if p.results > 0 && t.Out(p.results-1) == errorType {
		p.err = true
		p.results--
	}
	for i := range p.results {
		if out := t.Out(i); out == errorType {
			return nil, fmt.Errorf("an error has to be its last result")
		}
	}
	if p.results > 0 && p.ack != nil {
		return nil, fmt.Errorf("it has results and an ack function, which would both be the acknowledgement")
	}
	return p, nil
}

// decodable reports whether a received argument can become a t.
func decodable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return false
	case reflect.Interface:
		return t.NumMethod() == 0
	case reflect.Slice, reflect.Array, reflect.Map:
		// Elements may be of a type that contains itself, by way of a name.
		return t.Name() != "" || decodable(t.Elem())
	case reflect.Pointer:
		// A socket of the other side is not what this side's handlers get.
		if t.Implements(emitterType) {
			return false
		}
		return t.Name() != "" || decodable(t.Elem())
	}
	return t != argsType && t != contextType
}

// selfMade reports whether a value of type t is decoded, in whole or in part, by
// methods of its own. They may make it point into itself, so that it cannot be
// copied to somewhere else.
func selfMade(t reflect.Type) bool {
	ptr := reflect.PointerTo(t)
	for i := range ptr.NumMethod() {
		if strings.HasPrefix(ptr.Method(i).Name, "Unmarshal") {
			return true
		}
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if selfMade(t.Field(i).Type) {
				return true
			}
		}
	case reflect.Array:
		return selfMade(t.Elem())
	}
	return false // the rest is allocated while it is decoded
}

// A frame is the memory of one call: arguments to decode into, and the list of
// what the handler is called with. Frames are used again; the handler gets copies.
type frame struct {
	args []reflect.Value // pointers to the decoded arguments
	ptrs []any           // the same, as the decoder wants them
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

// release gives a frame back, without anything of the call.
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
		f.in = append(f.in, reflect.ValueOf(c.Owner.Context()))
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
	// A handler that panics keeps the frame, and what was lent to it.
	out := p.fn.Call(f.in)
	err = p.finish(c, out)
	if taken {
		c.releaseAfter(err, f.ptrs)
	}
	p.release(f)
	return err
}

// decode decodes the arguments. It reports whether they were taken.
func (p *plan[S]) decode(c *Call[S], ptrs []any) (taken bool, err error) {
	if c.Last && !p.raw && p.rest == nil {
		return true, c.Args.Take(ptrs...)
	}
	return false, c.Args.Decode(ptrs...)
}

// finish deals with the results of a handler.
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
