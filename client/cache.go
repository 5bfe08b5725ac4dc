package client

import (
	"runtime"
	"sync"
	"weak"
)

// New returns a socket for a URL: its path is the namespace, "/" without one, and
// its query is sent with the requests that open the connection. It does nothing
// before Connect or Open is called; what is wrong with the URL or an option is the
// error of those, and of every other call.
//
// Sockets of different namespaces share a connection, and its [Manager], if they
// are made with the same *Options, or nil, for URLs with the same scheme, host,
// port, user and query; not with [Options.ForceNew].
func New(rawURL string, opts *Options) *Socket {
	t, err := parseSocketURL(rawURL)
	if err != nil || opts != nil && opts.ForceNew {
		return first(t, err, opts)
	}
	path := ""
	if opts != nil {
		path = opts.Path
	}
	key := cacheKey{weak.Make(opts), t.key(cleanPath(path))}
	cache.mu.Lock()
	defer cache.mu.Unlock()
	m := cache.managers[key].Value()
	if m != nil {
		if s := m.reserve(t.namespace); s != nil {
			return s
		}
		if !m.isClosed() {
			return first(t, nil, opts) // the namespace is taken
		}
	}
	m = newManager(t, nil, opts)
	m.cached = &key
	w := weak.Make(m)
	cache.managers[key] = w
	// A manager that the program dropped without closing it is removed, too.
	runtime.AddCleanup(m, func(key cacheKey) { uncache(key, w) }, key)
	return m.reserve(t.namespace)
}

// first returns the first socket of a manager of its own.
func first(t *target, err error, opts *Options) *Socket {
	m := newManager(t, err, opts)
	namespace := "/"
	if err == nil {
		namespace = t.namespace
	}
	return m.reserve(namespace)
}

// The managers that New may return further sockets of. It does not keep them, nor
// their options, from being collected.
var cache = struct {
	mu       sync.Mutex // taken before a manager's mu
	managers map[cacheKey]weak.Pointer[Manager]
}{managers: make(map[cacheKey]weak.Pointer[Manager])}

type cacheKey struct {
	opts   weak.Pointer[Options]
	target string
}

// uncache removes a manager.
func uncache(key cacheKey, m weak.Pointer[Manager]) {
	cache.mu.Lock()
	defer cache.mu.Unlock()
	if cache.managers[key] == m {
		delete(cache.managers, key)
	}
}
