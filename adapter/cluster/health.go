package cluster

import (
	"context"
	"log/slog"
	"sync"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/internal/clip"
)

// A health combines what is known about the links of a node to its cluster. The state of a
// link is the worst that one of its sources reports. Changes are reported in order, by a
// goroutine of their own because observers may be slow; of changes that happen meanwhile
// only the result is reported.
type health struct {
	logger *slog.Logger
	report func(e adapter.LinkEvent)

	mu       sync.Mutex
	links    map[string]*link
	changed  []*link       // to be reported, in this order
	reporter chan struct{} // closed when the goroutine that reports ends; nil without one
}

// A link is one connection of the node. Its health's mutex guards it.
type link struct {
	name     string
	sources  [healthSources]condition
	reported adapter.LinkState
	waiting  bool // in changed
}

// A condition is a state and its cause.
type condition struct {
	state adapter.LinkState
	err   error
}

// A healthSource is one way to learn about a link.
type healthSource int

const (
	fromDriver    healthSource = iota // which sees its connections
	fromPublisher                     // whether publishing works
	fromQueue                         // whether messages wait for long
	fromProbe                         // whether the node's own heartbeats come back
	healthSources
)

func newHealth(logger *slog.Logger, report func(adapter.LinkEvent)) *health {
	return &health{logger: logger, report: report, links: make(map[string]*link)}
}

// set notes the state that a source reports for a link. A link without a report is up.
func (h *health) set(name string, source healthSource, state adapter.LinkState, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.links[name]
	if l == nil {
		if state == adapter.LinkUp {
			return
		}
		l = &link{name: name}
		h.links[name] = l
	}
	l.sources[source] = condition{state, err}
	if l.waiting || l.worst().state == l.reported {
		return
	}
	l.waiting = true
	h.changed = append(h.changed, l)
	if h.reporter == nil {
		h.reporter = make(chan struct{})
		go h.run(h.reporter) // ends when all changes are reported; wait waits for it
	}
}

// worst returns the state of the link.
func (l *link) worst() (worst condition) {
	for _, c := range l.sources {
		if c.state > worst.state {
			worst = c
		}
	}
	return worst
}

func (h *health) run(done chan struct{}) {
	defer h.end(done)
	for {
		e, ok := h.next()
		if !ok {
			return
		}
		attrs := []any{"link", e.Link, "state", e.State.String()}
		switch {
		case e.State == adapter.LinkUp:
			h.logger.Info("socketio: connected to the cluster", attrs...)
		case e.Err != nil:
			attrs = append(attrs, "error", clip.Log(e.Err))
			fallthrough
		default:
			h.logger.Warn("socketio: not connected to the cluster", attrs...)
		}
		h.report(e)
	}
}

// next returns the next change to report, or false, after which there is no reporter.
func (h *health) next() (adapter.LinkEvent, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.changed) > 0 {
		l := h.changed[0]
		h.changed = h.changed[1:]
		l.waiting = false
		if c := l.worst(); c.state != l.reported {
			l.reported = c.state
			return adapter.LinkEvent{Link: l.name, State: c.state, Err: c.err}, true
		}
	}
	h.reporter = nil
	return adapter.LinkEvent{}, false
}

// end notes that the reporter has ended, also when an observer has ended its goroutine.
func (h *health) end(done chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reporter == done {
		h.reporter = nil
	}
	close(done)
}

// state returns the worst state of all links, and its cause.
func (h *health) state() (adapter.LinkState, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var worst condition
	for _, l := range h.links {
		if c := l.worst(); c.state > worst.state {
			worst = c
		}
	}
	return worst.state, worst.err
}

// wait waits until all changes are reported, or ctx ends: an observer may not return.
func (h *health) wait(ctx context.Context) {
	for {
		h.mu.Lock()
		reporter := h.reporter
		h.mu.Unlock()
		if reporter == nil {
			return
		}
		select {
		case <-reporter:
		case <-ctx.Done():
			return
		}
	}
}
