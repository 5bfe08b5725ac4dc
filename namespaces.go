package socketio

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/internal/errtext"
	"github.com/seed96b07ef8/socketio/parser"
)

// Of returns the namespace with the given name, and creates it if it does not exist. It
// adds a missing leading slash. If the name matches the expression of a parent, the
// namespace is its child. A namespace that Of has returned is kept even if it is empty.
//
// Of panics if the name has a comma and the codec cannot encode that: no client could join,
// because a comma ends the name in a packet (Socket.IO protocol v5, Packet encoding).
//
// Of also panics if [Options.Adapter] has no adapter for the namespace, or if it or a function
// of [Server.OnNewNamespace] panics while Of creates the namespace, which then does not exist. A namespace that is being created
// for a client is returned before the functions of OnNewNamespace have returned, so
// that they may call Of. If they panic, operations on the sockets of that namespace
// return an error that matches [net.ErrClosed], and the next call of Of creates another
// one.
func (s *Server) Of(name string) *Namespace {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	s.checkName(name)
	for {
		n, made := s.keep(name)
		if made {
			if err := s.begin(n); err != nil {
				panic(fmt.Sprintf("socketio: Of(%q): %s", clip.Text(name, clip.Quote), err))
			}
			return n
		}
		<-n.made
		if n.adapter != nil {
			return n
		}
	}
}

// checkName panics if no client could name a namespace.
func (s *Server) checkName(name string) {
	if !strings.Contains(name, ",") {
		return
	}
	h := parser.Header{Type: parser.Disconnect, Namespace: name}
	if _, _, err := s.opts.Codec.Append(nil, h, "", nil); err != nil {
		panic(fmt.Sprintf("socketio: Of(%q): no client could join this namespace: %s", clip.Text(name, clip.Quote), errtext.Detail(err)))
	}
}

// OnNewNamespace registers a function that is called for each namespace that is created
// later. The returned function removes it.
func (s *Server) OnNewNamespace(f func(n *Namespace)) (off func()) {
	return s.newNamespaces.Add(f, false)
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
// the middleware that keeps clients out. An error is that of the adapter, and the namespace
// is withdrawn, too.
func (s *Server) begin(n *Namespace) error {
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
	made, err := s.makeAdapter(n)
	if err != nil {
		return err
	}
	n.adapter = made
	close(n.made)
	for _, f := range s.newNamespaces.Load() {
		(*f)(n)
	}
	begun = true
	if s.isClosed() { // and Shutdown may be over, or have passed over the namespace
		s.closeAdapter(n)
	}
	return nil
}

// makeAdapter returns the adapter of a namespace, which is that of a single process if the
// provider has been closed.
func (s *Server) makeAdapter(n *Namespace) (adapter.Adapter, error) {
	a, err := s.opts.Adapter.Namespace(host{n})
	switch {
	case err != nil && s.isClosed():
		return adapter.NewMemory(host{n}), nil
	case err != nil:
		return nil, fmt.Errorf("Adapter: %w", err)
	case a == nil:
		panic("socketio: Options.Adapter has returned nil")
	}
	return a, nil
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
// user, until exit. The error is errShuttingDown, errNoRoom or errNoAdapter, or it is for
// the client.
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

// mayExist reports whether there is a namespace of that name, or its name is not too long
// for one that a client brings about.
func (s *Server) mayExist(name string) bool {
	if len(name) <= s.opts.MaxNamespaceName {
		return true
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.namespaces[name] != nil
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
	if err := s.begin(n); err != nil {
		s.opts.Logger.Warn("socketio: a namespace could not be made for a client", "nsp", clip.Text(n.name, clip.Quote), "error", clip.Log(err))
		return nil, errNoAdapter
	}
	return n, nil
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
	errNoAdapter    = errors.New("the namespace has no adapter")
)

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

// closeAdapter closes the adapter of a namespace that was removed.
func (s *Server) closeAdapter(n *Namespace) {
	if err := n.protect("", "", n.close); err != nil {
		s.opts.Logger.Warn("socketio: closing an adapter", "nsp", clip.Text(n.name, clip.Quote), "error", clip.Log(err))
	}
}

// all returns the namespaces, in no particular order.
func (s *Server) all() []*Namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	namespaces := make([]*Namespace, 0, len(s.namespaces))
	for _, n := range s.namespaces {
		if n.isMade() {
			namespaces = append(namespaces, n)
		}
	}
	return namespaces
}
