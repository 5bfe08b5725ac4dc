package cluster

import (
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/seed96b07ef8/socketio/adapter"
)

// Bounds of the requests that wait for answers.
const (
	maxRequests    = 10_000
	maxAnswerBytes = 16 << 20 // of one request: its answers as wires
	answerOverhead = 64       // bytes that each message counts in addition
)

// requests is the table of this node's requests that other nodes have not answered.
//
// A request expects one answer of each node. It is complete when all of them have answered, or
// have left, or when it is expired. An answer may have several parts, and after it further
// messages may follow: the acknowledgements of a broadcast's clients.
type requests struct {
	prefix string // of the IDs, different in each process

	mu      sync.Mutex
	pending map[string]*request
	last    uint64 // number in an ID
	closed  bool
}

// A request is one entry of the table.
type request struct {
	table *requests
	id    string
	// take takes a message that answers the request. Calls may be concurrent.
	take func(m *Message)
	// completed is called once, after take was called for all answers.
	completed func(o outcome)

	// The table's mutex guards these.
	named     map[string]struct{}  // nodes that have to answer, and have not
	unnamed   int                  // answers of further nodes that have to arrive
	forgiven  int                  // answers of further nodes that need not arrive anymore
	accepted  map[string]*progress // of nodes that have begun to answer
	active    int                  // calls of take
	missing   []string             // nodes that have left, or whose answer was refused
	bytes     int
	begun     bool  // begin was called
	counting  bool  // unnamed is not known yet
	wanted    int   // the number of nodes that were counted besides those that are named
	failed    error // why they could not be counted
	anonymous int   // answers that do not name their node
	early     int   // answers of further nodes that have arrived until it is
	expired   bool  // no further answer is waited for
	complete  bool
}

// An outcome is how a request was completed.
type outcome struct {
	missing []string // nodes that have not answered, or not completely
	unknown int      // further ones, which are not known by name
	counted int      // nodes that had to answer besides those known by name
	failed  error    // the nodes could not be counted
}

var errNotCounted = errors.New("cluster: the bus has not counted the nodes in time")

// progress records which parts of its answer a node has sent.
type progress struct {
	parts    map[uint64]struct{}
	total    uint64 // 0 until the last part has arrived
	finished bool
	counted  bool // as an answer
}

func newRequests() *requests {
	return &requests{prefix: rand.Text()[:10], pending: make(map[string]*request)}
}

// add adds a request that the named nodes have to answer, and as many others as unnamed says.
// The error is adapter.ErrQueueFull or adapter.ErrUnavailable. The caller sends the request
// under the ID of the result, calls begin, and calls remove when no further message is wanted.
func (t *requests) add(named []string, unnamed int, take func(*Message), completed func(outcome)) (*request, error) {
	r := &request{table: t, take: take, completed: completed, unnamed: max(unnamed, 0),
		named: make(map[string]struct{}, len(named)), accepted: make(map[string]*progress)}
	for _, name := range named {
		r.named[name] = struct{}{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return nil, adapter.ErrUnavailable
	case len(t.pending) >= maxRequests:
		return nil, adapter.ErrQueueFull
	}
	t.last++
	r.id = t.prefix + strconv.FormatUint(t.last, 36)
	t.pending[r.id] = r
	return r, nil
}

// A verdict says what becomes of a message that answers a request.
type verdict int

const (
	awaited   verdict = iota
	late              // no such request is pending
	duplicate         // the node has answered
	tooLarge          // all answers together are too large
)

// answer passes a message to the request that it answers. size is that of its wire. node is
// empty for a message without a sender: then it counts as the answer of any node.
func (t *requests) answer(m *Message, node string, size int) verdict {
	r, v := t.begin(m, node, size)
	if r == nil {
		return v
	}
	defer t.end(r, m, node, v)
	if v == awaited {
		r.take(m)
	}
	return v
}

// begin decides about a message. If it returns a request, the caller must call end.
func (t *requests) begin(m *Message, node string, size int) (*request, verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.pending[m.RequestID]
	if r == nil {
		return nil, late
	}
	size += answerOverhead
	if r.bytes+size > maxAnswerBytes {
		r.giveUpLocked(node)
		r.active++
		return r, tooLarge
	}
	if m.Kind == BroadcastAck {
		r.bytes += size
		r.active++
		return r, awaited
	}
	if r.complete || r.expired {
		return nil, late
	}
	a := r.accepted[node]
	if a == nil && node != "" {
		if len(r.accepted) >= maxMembers {
			return nil, late
		}
		a = new(progress)
		r.accepted[node] = a
	}
	if a != nil && !a.add(m.Part, m.More) {
		return nil, duplicate
	}
	r.bytes += size
	r.active++
	return r, awaited
}

// add notes a part. It returns false if it was there.
func (a *progress) add(part uint64, more bool) bool {
	if _, twice := a.parts[part]; twice || a.finished || a.total > 0 && (!more || part >= a.total) {
		return false
	}
	if !more {
		a.total = part + 1
	}
	if a.parts == nil {
		a.parts = make(map[uint64]struct{})
	}
	a.parts[part] = struct{}{}
	if a.total > 0 && uint64(len(a.parts)) >= a.total {
		a.finished = true
		a.parts = nil
	}
	return true
}

// end notes that take has returned.
func (t *requests) end(r *request, m *Message, node string, v verdict) {
	t.mu.Lock()
	r.active--
	switch a := r.accepted[node]; {
	case v != awaited || r.complete:
	case a != nil && a.finished && !a.counted:
		a.counted = true
		r.countLocked(node)
	case node == "" && m.Kind != BroadcastAck:
		r.anonymous++
	}
	t.completeAndUnlock(r)
}

// countLocked notes that a node has answered.
func (r *request) countLocked(node string) {
	if _, named := r.named[node]; named {
		delete(r.named, node)
	} else if slices.Contains(r.missing, node) {
		return
	} else if r.counting {
		r.early++
	} else if r.unnamed > 0 {
		r.unnamed--
	} else if r.forgiven > 0 {
		r.forgiven--
	}
}

// giveUpLocked stops to wait for a node.
func (r *request) giveUpLocked(node string) {
	if _, named := r.named[node]; named {
		delete(r.named, node)
		r.missing = append(r.missing, node)
	}
}

// completeAndUnlock completes a request if nothing more is waited for.
func (t *requests) completeAndUnlock(r *request) {
	done := r.begun && !r.complete && r.active == 0 && (r.expired || !r.counting && len(r.named)+r.unnamed <= r.anonymous)
	if !done {
		t.mu.Unlock()
		return
	}
	r.complete = true
	o := outcome{r.missing, r.unnamed + r.forgiven, r.wanted, r.failed}
	if r.counting {
		o.failed = errNotCounted
	}
	if r.anonymous > 0 { // which of them have answered is not known
		o.unknown = max(o.unknown+len(r.named)-r.anonymous, 0)
		r.named = nil
	}
	for name := range r.named {
		o.missing = append(o.missing, name)
	}
	r.named, r.accepted, r.missing = nil, nil, nil
	t.mu.Unlock()
	slices.Sort(o.missing)
	r.completed(o)
}

// begin lets the request be completed, which it is at once if no node has to answer. It is called
// when the request was sent, and after what has to happen before completed is called.
func (r *request) begin() {
	r.table.mu.Lock()
	r.begun = true
	r.table.completeAndUnlock(r)
}

// count defers the completion of a request until counted is called. It is called before the
// request is sent.
func (r *request) count() {
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	r.counting = true
}

// counted says how many nodes have to answer besides those that are named.
func (r *request) counted(unnamed int) {
	r.table.mu.Lock()
	r.wanted = unnamed
	r.unnamed = max(unnamed-r.early, 0)
	r.counting = false
	r.table.completeAndUnlock(r)
}

// fail completes a request because the nodes could not be counted.
func (r *request) fail(err error) {
	r.table.mu.Lock()
	r.failed = err
	r.counting, r.expired = false, true
	r.table.completeAndUnlock(r)
}

// expire completes a request with the answers that have arrived.
func (r *request) expire() {
	r.table.mu.Lock()
	r.expired = true
	r.table.completeAndUnlock(r)
}

// forgive stops to wait for up to n nodes that are not known by name. They count as missing
// unless they answer before the others.
func (r *request) forgive(n int) {
	r.table.mu.Lock()
	n = min(n, r.unnamed)
	r.unnamed -= n
	r.forgiven += n
	r.table.completeAndUnlock(r)
}

// remove removes a request from the table, completed or not.
func (r *request) remove() {
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	delete(r.table.pending, r.id)
}

// left is called when a node has left the namespace, or its cluster. A node that has said so has
// no sockets anymore, so nothing is missing. One that is silent may have some.
func (t *requests) left(node string, silent bool) {
	for _, r := range t.all() {
		t.mu.Lock()
		if silent {
			r.giveUpLocked(node)
		} else {
			delete(r.named, node)
		}
		t.completeAndUnlock(r)
	}
}

// expireAll completes all requests, because the bus does not work.
func (t *requests) expireAll() {
	for _, r := range t.all() {
		r.expire()
	}
}

func (t *requests) all() []*request {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*request, 0, len(t.pending))
	for _, r := range t.pending {
		all = append(all, r)
	}
	return all
}

// close completes all requests and refuses further ones.
func (t *requests) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.expireAll()
}

// size returns the number of requests that are not complete.
func (t *requests) size() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.pending {
		if !r.complete {
			n++
		}
	}
	return n
}
