package socketio

import (
	"regexp"
	"slices"
)

// A ParentNamespace represents all namespaces whose names it accepts. They are created
// when a client asks to join them. Registrations on the parent, whether earlier or
// later, apply to them and precede those on the children themselves.
//
// Its broadcasts reach all children that exist. All methods are safe for concurrent
// use.
type ParentNamespace struct {
	registry
	accepts func(name string, auth Args) bool
	literal *regexp.Regexp // of OfRegexp
}

// OfFunc returns a parent of the namespaces for which accept returns true. The server
// calls accept with the name that a client asks for and with the client's auth. accept
// may block, which delays that client's connection. If the namespace does not exist
// yet, the parents are asked in the order in which they were created.
//
// Clients choose the names, so they can create as many namespaces as accept allows; see
// [Options.MaxDynamicNamespaces], [Options.MaxNamespaceName] and
// [Options.CleanupEmptyChildNamespaces].
func (s *Server) OfFunc(accept func(name string, auth Args) bool) *ParentNamespace {
	if accept == nil {
		panic("socketio: OfFunc: the function is nil")
	}
	return s.addParent(&ParentNamespace{accepts: accept})
}

// OfRegexp is OfFunc for the names that re matches. Anchor the expression with ^
// and $ unless you mean it to match parts of names.
func (s *Server) OfRegexp(re *regexp.Regexp) *ParentNamespace {
	if re == nil {
		panic("socketio: OfRegexp: the expression is nil")
	}
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
		if n.parent == p && n.isMade() {
			children = append(children, n)
		}
	}
	return children
}

// Sockets returns the sockets in all children that are connected to this server.
func (p *ParentNamespace) Sockets() []*Socket { return p.everyone.Sockets() }
