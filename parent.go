package socketio

import (
	"regexp"
	"slices"
	"strings"

	"github.com/seed96b07ef8/socketio/adapter"
)

// A ParentNamespace stands for all namespaces whose names it accepts. They come
// into being when a client asks for them, and what is registered on the parent,
// whenever it is, applies to them, before what is registered on themselves.
//
// Its broadcasts go to all children that exist. All methods may be called
// concurrently.
type ParentNamespace struct {
	registry
	accepts func(name string, auth Args) bool
	literal *regexp.Regexp // of OfRegexp
}

// OfFunc returns a parent of the namespaces for which accept returns true. It is
// called with the name that a client asks for and with what the client sent as
// its auth, and may block, which holds up that client's connection. Parents are
// asked in the order in which they were made, after the namespaces that exist.
//
// Think of who chooses the names: a client can make as many namespaces as accept
// lets it, see [Options.MaxDynamicNamespaces] and
// [Options.CleanupEmptyChildNamespaces].
func (s *Server) OfFunc(accept func(name string, auth Args) bool) *ParentNamespace {
	return s.addParent(&ParentNamespace{accepts: accept})
}

// OfRegexp is OfFunc for the names that re matches. Anchor the expression with ^
// and $ unless you mean it to match parts of names.
func (s *Server) OfRegexp(re *regexp.Regexp) *ParentNamespace {
	return s.addParent(&ParentNamespace{
		accepts: func(name string, _ Args) bool { return re.MatchString(name) },
		literal: re,
	})
}

func (s *Server) addParent(p *ParentNamespace) *ParentNamespace {
	p.server = s
	p.everyone = Broadcast{parent: p}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parents = append(slices.Clip(s.parents), p)
	return p
}

// Children returns the namespaces that exist, in no particular order.
func (p *ParentNamespace) Children() []*Namespace {
	p.server.mu.RLock()
	defer p.server.mu.RUnlock()
	var children []*Namespace
	for _, n := range p.server.namespaces {
		if n.parent == &p.registry {
			children = append(children, n)
		}
	}
	return children
}

// Sockets returns the sockets in all children that are connected to this server.
func (p *ParentNamespace) Sockets() []*Socket { return p.everyone.Sockets() }

// OnNewNamespace registers a function that is called for each namespace that
// comes into being after it. The returned function removes it.
func (s *Server) OnNewNamespace(f func(n *Namespace)) (off func()) {
	return s.newNamespaces.add(f, false)
}

// Of returns the namespace with the given name, which comes into being if there
// is none yet. A missing leading slash is added. One whose name matches the
// expression of a parent is its child.
func (s *Server) Of(name string) *Namespace {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	s.mu.RLock()
	n, parents := s.namespaces[name], s.parents
	s.mu.RUnlock()
	if n != nil {
		return n
	}
	var parent *ParentNamespace
	for _, p := range parents {
		if p.literal != nil && p.literal.MatchString(name) {
			parent = p
			break
		}
	}
	n, _ = s.add(newNamespace(s, name, parent), func() error { return nil })
	return n
}

// add makes a namespace known, or returns the one that has its name already. A
// new one has to be permitted, which is asked under the lock.
func (s *Server) add(n *Namespace, permit func() error) (*Namespace, error) {
	s.mu.Lock()
	other := s.namespaces[n.name]
	err := error(nil)
	if other == nil {
		err = permit()
	}
	if other == nil && err == nil {
		s.namespaces[n.name] = n
		s.mu.Unlock()
		s.announce(n)
		return n, nil
	}
	s.mu.Unlock()
	s.closeAdapter(n)
	return other, err
}

func (s *Server) announce(n *Namespace) {
	for _, f := range s.newNamespaces.load() {
		(*f)(n)
	}
}

// enter returns the namespace that a client asks for and counts the client as
// its user, until exit. The error is for the client.
func (s *Server) enter(name string, auth Args) (*Namespace, error) {
	s.mu.Lock()
	n, parents := s.namespaces[name], s.parents
	switch {
	case s.closed:
		s.mu.Unlock()
		return nil, errInvalidNamespace
	case n != nil:
		n.users++
		s.mu.Unlock()
		return n, nil
	}
	s.mu.Unlock()
	for _, p := range parents {
		if p.accepts(name, auth) {
			return s.enterChild(name, p)
		}
	}
	return nil, errInvalidNamespace
}

var (
	errInvalidNamespace  = &ConnectError{Message: "Invalid namespace"}
	errTooManyNamespaces = &ConnectError{Message: "Too many namespaces"}
)

// enterChild is enter for a namespace that a parent has accepted.
func (s *Server) enterChild(name string, p *ParentNamespace) (*Namespace, error) {
	child := newNamespace(s, name, p)
	child.child = true
	n, err := s.add(child, func() error {
		if s.dynamic >= s.opts.MaxDynamicNamespaces {
			return errTooManyNamespaces
		}
		s.dynamic++
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.namespaces[name] != n { // it was there, and is gone already
		return nil, errInvalidNamespace
	}
	n.users++
	return n, nil
}

// exit ends what enter began. An empty child goes, if that is wanted.
func (s *Server) exit(n *Namespace) {
	s.mu.Lock()
	n.users--
	gone := n.users == 0 && n.child && s.opts.CleanupEmptyChildNamespaces && s.namespaces[n.name] == n
	if gone {
		delete(s.namespaces, n.name)
		s.dynamic--
	}
	s.mu.Unlock()
	if gone {
		s.closeAdapter(n)
	}
}

func (s *Server) closeAdapter(n *Namespace) {
	if err := n.adapter.Close(); err != nil {
		s.opts.Logger.Warn("socketio: closing an adapter", "nsp", n.name, "error", err)
	}
}

var _ adapter.Host = host{}
