package socketio

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/internal/clip"
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
// lets it, see [Options.MaxDynamicNamespaces], [Options.MaxNamespaceName] and
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
		if n.parent == &p.registry && n.isMade() {
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
	return s.newNamespaces.Add(f, false)
}

// Of returns the namespace with the given name, which comes into being if there
// is none yet. A missing leading slash is added. One whose name matches the
// expression of a parent is its child. It stays, also when it is empty.
//
// Of panics if making the namespace does: in [Options.Adapter], or in a function of
// [Server.OnNewNamespace]. There is no such namespace then.
func (s *Server) Of(name string) *Namespace {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	for {
		n, made := s.keep(name)
		if made {
			s.begin(n)
			return n
		}
		<-n.made
		if n.adapter != nil {
			return n
		}
	}
}

// keep returns the namespace with a name, which stays from now on. When made is set,
// it is a new one that begin is to be called for.
func (s *Server) keep(name string) (n *Namespace, made bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n = s.namespaces[name]; n != nil {
		if n.child { // the application holds it now
			n.child = false
			s.dynamic--
			s.occupyLocked(n)
		}
		return n, false
	}
	var parent *ParentNamespace
	for _, p := range s.parents {
		if p.literal != nil && p.literal.MatchString(name) {
			parent = p
			break
		}
	}
	return s.insertLocked(name, parent), true
}

// insertLocked makes a namespace known that begin is then to be called for.
func (s *Server) insertLocked(name string, parent *ParentNamespace) *Namespace {
	n := newNamespace(s, name, parent)
	n.closed.Store(s.closed) // no client will ever be in it
	s.namespaces[name] = n
	return n
}

// begin makes the adapter of a namespace and announces the namespace to the
// application, before any client may join. When the application's code panics or ends
// the goroutine, the namespace is withdrawn: what that code has not registered may be
// the middleware that keeps clients out.
func (s *Server) begin(n *Namespace) {
	begun := false
	defer func() {
		if !begun {
			s.withdraw(n)
		}
		if !n.isMade() {
			close(n.made)
		}
		close(n.begun)
	}()
	n.adapter = s.opts.Adapter(host{n})
	if n.adapter == nil {
		panic("socketio: Options.Adapter has returned nil")
	}
	close(n.made)
	for _, f := range s.newNamespaces.Load() {
		(*f)(n)
	}
	begun = true
}

// withdraw removes a namespace that could not be made.
func (s *Server) withdraw(n *Namespace) {
	s.mu.Lock()
	n.withdrawn = true
	delete(s.namespaces, n.name)
	if n.child {
		s.dynamic--
	}
	s.mu.Unlock()
	s.callNext()
	if n.adapter != nil {
		s.closeAdapter(n)
	}
}

// enter returns the namespace that a client asks for and counts the client as its
// user, until exit. The error is errShuttingDown or errNoRoom, or it is for the client.
func (s *Server) enter(r *request) (*Namespace, error) {
	for {
		n, err := s.joinOrMake(r)
		if err != nil {
			return nil, err
		}
		<-n.begun
		if !n.withdrawn { // by the client that has made it
			return n, nil
		}
	}
}

// joinOrMake is enter for a namespace that may have to be waited for.
func (s *Server) joinOrMake(r *request) (*Namespace, error) {
	n, parents, err := s.join(r)
	if n != nil || err != nil {
		return n, err
	}
	for _, p := range parents {
		if p == r.parent || p.accepts(r.name, r.auth) {
			return s.enterChild(r, p)
		}
	}
	return nil, errInvalidNamespace
}

// join counts a user of a namespace that exists. Without one it returns those that
// might make it: of a request that waits, the one that has accepted it, which is not
// asked again. The error is like that of enter.
func (s *Server) join(r *request) (*Namespace, []*ParentNamespace, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errShuttingDown
	}
	n := s.namespaces[r.name]
	switch {
	case n != nil:
		n.users++
		s.occupyLocked(n)
		s.leaveLineLocked(r)
	case len(r.name) > s.opts.MaxNamespaceName:
		return nil, nil, errNamespaceName
	case r.parent != nil:
		return nil, []*ParentNamespace{r.parent}, nil
	}
	return n, s.parents, nil
}

// Refusals that are for the client: asking again would not help.
var (
	errTooMuchAuth       = &ConnectError{Message: "Too much auth"}
	errNamespaceName     = &ConnectError{Message: "Invalid namespace: the name is too long"}
	errInvalidNamespace  = &ConnectError{Message: "Invalid namespace"}
	errTooManyNamespaces = &ConnectError{Message: "Too many namespaces"}
)

// Reasons that pass, so the client must not be refused: see
// docs/decisions/0012-refusals-are-final.md.
var (
	errShuttingDown = errors.New("the server is shutting down")
	errNoRoom       = errors.New("no room for a further namespace at present")
)

// enterChild is joinOrMake for a namespace that a parent has accepted.
func (s *Server) enterChild(r *request, p *ParentNamespace) (*Namespace, error) {
	s.mu.Lock()
	n := s.namespaces[r.name]
	switch {
	case s.closed:
		s.mu.Unlock()
		return nil, errShuttingDown
	case n != nil: // another client was quicker
		n.users++
		s.occupyLocked(n)
		s.leaveLineLocked(r)
		s.mu.Unlock()
		return n, nil
	}
	var removed *Namespace
	ok := s.isNextLocked(r)
	if ok {
		removed, ok = s.makeRoomLocked()
	}
	if !ok {
		s.lineUpLocked(r, p)
		s.reportFullAndUnlock(r.name)
		return nil, errNoRoom
	}
	s.leaveLineLocked(r)
	n = s.insertLocked(r.name, p)
	n.child = true
	n.users++
	s.dynamic++
	s.mu.Unlock()
	if removed != nil {
		defer s.closeAdapter(removed)
	}
	s.begin(n)
	return n, nil
}

// reportFullAndUnlock logs, at most once a minute, that clients have to wait.
func (s *Server) reportFullAndUnlock(name string) {
	report := time.Since(s.fullAt) > time.Minute
	if report {
		s.fullAt = time.Now()
	}
	s.mu.Unlock()
	if report {
		s.opts.Logger.Warn("socketio: clients wait for room for a further dynamic namespace",
			"nsp", clip.Text(name, clip.Quote), "MaxDynamicNamespaces", s.opts.MaxDynamicNamespaces)
	}
}

// exit ends what enter began. A child that is empty then is removed, or is the first
// to be when another needs its place.
func (s *Server) exit(n *Namespace) {
	s.mu.Lock()
	n.users--
	empty := n.users == 0 && n.child
	if empty {
		n.vacancy = s.empty.PushBack(n)
	}
	remove := empty && s.opts.CleanupEmptyChildNamespaces
	if remove {
		s.removeLocked(n)
	}
	s.mu.Unlock()
	if empty {
		s.callNext()
	}
	if remove {
		s.closeAdapter(n)
	}
}

// makeRoomLocked makes room for a further child: if there are as many as there may be,
// it removes the one that has been empty for longest, whose adapter is then to be
// closed. It returns false when none is empty.
func (s *Server) makeRoomLocked() (removed *Namespace, ok bool) {
	if s.dynamic < s.opts.MaxDynamicNamespaces {
		return nil, true
	}
	longest := s.empty.Front()
	if longest == nil {
		return nil, false
	}
	removed = longest.Value.(*Namespace)
	s.removeLocked(removed)
	return removed, true
}

// removeLocked removes a child without users.
func (s *Server) removeLocked(n *Namespace) {
	s.occupyLocked(n)
	delete(s.namespaces, n.name)
	s.dynamic--
}

// occupyLocked takes a namespace off the list of those that are empty, if it is there.
func (s *Server) occupyLocked(n *Namespace) {
	if n.vacancy != nil {
		s.empty.Remove(n.vacancy)
		n.vacancy = nil
	}
}

// closeAdapter closes the adapter of a namespace that is gone.
func (s *Server) closeAdapter(n *Namespace) {
	if err := n.protect("", "", n.close); err != nil {
		s.opts.Logger.Warn("socketio: closing an adapter", "nsp", clip.Text(n.name, clip.Quote), "error", clip.Log(err))
	}
}

var _ adapter.Host = host{}
