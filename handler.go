package socketio

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"github.com/seed96b07ef8/socketio/parser"
)

// An invocation is an event on its way to its handlers.
type invocation struct {
	nsp    *Namespace
	socket *Socket // nil for an event of another node
	args   Args
	ack    *acker // nil when no acknowledgement is wanted
	space  acker  // what ack points to, usually
}

// call calls a listener and turns a panic into an error.
func (in *invocation) call(l *listener, event string) (err error) {
	defer func() {
		if v := recover(); v != nil {
			sid := ""
			if in.socket != nil {
				sid = in.socket.id
			}
			err = in.nsp.panicked(v, sid, event)
		}
	}()
	return l.call(in)
}

// report hands an error to the error hooks.
func (in *invocation) report(err error) {
	if in.socket != nil {
		in.socket.report(err)
	} else {
		in.nsp.report(nil, err, false)
	}
}

func (in *invocation) context() context.Context {
	if in.socket == nil {
		return context.Background()
	}
	return in.socket.Context()
}

// newListener compiles a handler. It panics when the handler's shape, or the
// event's name, is wrong: that is a mistake in the program and should not wait
// for the first client to show.
func newListener(event string, handler any, order uint64) *listener {
	if parser.IsReserved(event) || event == "connection" || event == "new_namespace" {
		panic(fmt.Sprintf("socketio: %q is not an event that clients send; use OnConnect, OnDisconnecting, OnDisconnect or OnNewNamespace", event))
	}
	if call := direct(handler); call != nil {
		return &listener{order: order, call: call}
	}
	p, err := newPlan(handler)
	if err != nil {
		panic(fmt.Sprintf("socketio: the handler of %q is a %T: %v; it has to be a\n\tfunc([ctx context.Context,] [s *socketio.Socket,] args... [, ack func(...)]) [results...] [error]", event, handler, err))
	}
	return &listener{order: order, call: p.call}
}

// newServerListener is newListener for events of other nodes, which come from no
// socket.
func newServerListener(event string, handler any, order uint64) *listener {
	if err := checkServerEvent(event); err != nil {
		panic(err.Error())
	}
	p, err := newPlan(handler)
	if err == nil && p.socket {
		err = fmt.Errorf("there is no socket")
	}
	if err != nil {
		panic(fmt.Sprintf("socketio: the handler of the server event %q is a %T: %v; it has to be a\n\tfunc([ctx context.Context,] args... [, ack func(...)]) [results...] [error]", event, handler, err))
	}
	return &listener{order: order, call: p.call}
}

// direct returns the calls of common shapes, which need no reflection.
func direct(handler any) func(*invocation) error {
	switch f := handler.(type) {
	case nil:
		return nil
	case func():
		return func(*invocation) error { f(); return nil }
	case func(*Socket):
		return func(in *invocation) error { f(in.socket); return nil }
	case func(Args):
		return func(in *invocation) error { f(in.args); return nil }
	case func(*Socket, Args):
		return func(in *invocation) error { f(in.socket, in.args); return nil }
	case func(context.Context, *Socket, Args) error:
		return func(in *invocation) error {
			return in.acknowledge(f(in.socket.Context(), in.socket, in.args))
		}
	case func(context.Context, *Socket, Args) (any, error):
		return func(in *invocation) error {
			result, err := f(in.socket.Context(), in.socket, in.args)
			if err != nil {
				return err
			}
			return in.ack.send(result)
		}
	case func(string):
		return func(in *invocation) error {
			arg, err := first[string](in)
			if err == nil {
				f(arg)
			}
			return err
		}
	case func(*Socket, string):
		return func(in *invocation) error {
			arg, err := first[string](in)
			if err == nil {
				f(in.socket, arg)
			}
			return err
		}
	case func(*Socket, string) error:
		return func(in *invocation) error {
			arg, err := first[string](in)
			if err != nil {
				return err
			}
			return in.acknowledge(f(in.socket, arg))
		}
	}
	return nil
}

// first decodes the first argument.
func first[T any](in *invocation) (arg T, err error) {
	err = in.args.DecodeAt(0, &arg)
	return arg, err
}

// acknowledge answers for a handler whose only result is err.
func (in *invocation) acknowledge(err error) error {
	if err != nil {
		return err
	}
	return in.ack.send()
}

// A plan says how to call a handler: what its parameters are and what becomes
// of its results.
type plan struct {
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
}

var (
	contextType = reflect.TypeFor[context.Context]()
	socketType  = reflect.TypeFor[*Socket]()
	argsType    = reflect.TypeFor[Args]()
	errorType   = reflect.TypeFor[error]()
)

func newPlan(handler any) (*plan, error) {
	if handler == nil {
		return nil, fmt.Errorf("it is nil")
	}
	t := reflect.TypeOf(handler)
	if t.Kind() != reflect.Func {
		return nil, fmt.Errorf("it is no function")
	}
	p := &plan{fn: reflect.ValueOf(handler)}
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
			return nil, fmt.Errorf("Args and a variadic parameter both take the rest of the arguments")
		}
	}
	for _, arg := range in {
		if !decodable(arg) {
			return nil, fmt.Errorf("nothing can be decoded into a %v", arg)
		}
	}
	p.args = in

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
		if t != socketType {
			return t.Name() != "" || decodable(t.Elem())
		}
	}
	return t != argsType && t != socketType && t != contextType
}

// A frame is the memory of one call: arguments to decode into, and the list of
// what the handler is called with. Frames are used again; the handler gets copies.
type frame struct {
	args []reflect.Value // pointers to the decoded arguments
	ptrs []any           // the same, as the decoder wants them
	in   []reflect.Value
}

func (p *plan) newFrame() *frame {
	f := &frame{in: make([]reflect.Value, 0, p.fn.Type().NumIn())}
	for _, t := range p.args {
		v := reflect.New(t)
		f.args = append(f.args, v)
		f.ptrs = append(f.ptrs, v.Interface())
	}
	return f
}

// release gives a frame back, without anything of the call.
func (p *plan) release(f *frame) {
	for _, v := range f.args {
		v.Elem().SetZero()
	}
	clear(f.in)
	f.in = f.in[:0]
	p.frames.Put(f)
}

// call decodes the arguments, calls the handler, and acknowledges with its
// results.
func (p *plan) call(in *invocation) error {
	f, _ := p.frames.Get().(*frame)
	if f == nil {
		f = p.newFrame()
	}
	if err := in.args.Decode(f.ptrs...); err != nil {
		p.release(f)
		return err
	}
	if p.ctx {
		f.in = append(f.in, reflect.ValueOf(in.context()))
	}
	if p.socket {
		f.in = append(f.in, reflect.ValueOf(in.socket))
	}
	for _, v := range f.args {
		f.in = append(f.in, v.Elem())
	}
	switch n := len(p.args); {
	case p.raw:
		f.in = append(f.in, reflect.ValueOf(in.args.From(n)))
	case p.rest != nil:
		for i := n; i < in.args.Len(); i++ {
			v := reflect.New(p.rest)
			if err := in.args.DecodeAt(i, v.Interface()); err != nil {
				p.release(f)
				return err
			}
			f.in = append(f.in, v.Elem())
		}
	}
	if p.ack != nil {
		f.in = append(f.in, in.ack.function(in, p.ack))
	}
	// A handler that panics keeps the frame.
	out := p.fn.Call(f.in)
	p.release(f)
	return p.finish(in, out)
}

// finish deals with the results of a handler.
func (p *plan) finish(in *invocation, out []reflect.Value) error {
	if p.err {
		if last := out[p.results]; !last.IsNil() {
			return last.Interface().(error)
		}
	}
	if in.ack == nil || p.ack != nil || p.results == 0 && !p.err {
		return nil
	}
	results := make([]any, p.results)
	for i := range results {
		results[i] = out[i].Interface()
	}
	return in.ack.send(results...)
}

// function makes the ack function that a handler wants. Without an event that
// wants an answer it does nothing.
func (a *acker) function(in *invocation, t reflect.Type) reflect.Value {
	answer := func(args ...any) {
		if err := a.send(args...); err != nil {
			in.report(err)
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
