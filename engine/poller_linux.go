package engine

import (
	"os"
	"sync"
	"syscall"
)

// A poller watches idle WebSockets with epoll(7), so that none of them needs a
// waiting goroutine, and resumes those with events. Its own goroutine exists while
// parked links are registered. It waits in the runtime's poller, since an epoll
// instance is itself a file that becomes readable. See
// docs/decisions/0008-idle-connections.md.
//
// An event is only a hint to read from a link. A reader that finds nothing parks the
// link again, so an event that outlives its connection and meets a new one with the
// same descriptor does no harm.
type poller struct {
	disabled   bool
	goroutines *group // of the server

	mu    sync.Mutex // guards what follows; taken after a Conn's mu
	file  *os.File   // the epoll instance; nil if n is 0
	links []*link    // index is the descriptor
	n     int        // number of registered links
	// idle holds waiting reader goroutines, whose stacks have already grown to the
	// size that handlers need. The most recently added is used first.
	idle []chan *link

	// epoll is the descriptor of file. It changes only while no link is registered,
	// so a registered link may use it without mu.
	epoll int
}

// A watch is the registration of a link: its descriptor plus one, or zero.
type watch int32

// maxIdleReaders bounds the number of idle reader goroutines.
const maxIdleReaders = 16

// works reports whether the poller is in use.
func (p *poller) works() bool { return !p.disabled }

// park watches l, whose descriptor fd stays open during the call, until an event
// occurs. It returns false if that is not possible. The mu of the link's Conn is held
// and the Conn is open, so Shutdown waits for the poller's goroutine.
func (p *poller) park(l *link, fd int) bool {
	if p.disabled {
		return false
	}
	op := syscall.EPOLL_CTL_MOD
	if l.watch == 0 {
		if !p.add(l, fd) {
			return false
		}
		op = syscall.EPOLL_CTL_ADD
	}
	// EPOLLONESHOT: one event, and then none until the link is parked again.
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT, Fd: int32(fd)}
	l.parked.Store(true)
	if err := syscall.EpollCtl(p.epoll, op, fd, &event); err != nil {
		// The kernel has no memory for the registration, so a goroutine must wait:
		// this one, unless another has begun to read.
		return !l.parked.CompareAndSwap(true, false)
	}
	return true
}

// add registers a link until forget is called.
func (p *poller) add(l *link, fd int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil && p.openLocked() != nil {
		return false
	}
	if missing := fd + 1 - len(p.links); missing > 0 {
		p.links = append(p.links, make([]*link, missing)...)
	}
	p.links[fd] = l
	p.n++
	l.watch = watch(fd + 1)
	return true
}

// openLocked creates the epoll instance.
func (p *poller) openLocked() error {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	// The runtime polls only non-blocking descriptors.
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return err
	}
	p.epoll, p.file = fd, os.NewFile(uintptr(fd), "epoll")
	raw, err := p.file.SyscallConn()
	if err != nil {
		p.file.Close()
		p.file = nil
		return err
	}
	p.goroutines.Go(func() { p.run(raw) })
	return nil
}

// forget removes the registration of l. No goroutine reads from l any more, and l is
// not parked.
func (p *poller) forget(l *link) {
	if l.watch == 0 {
		return
	}
	p.mu.Lock()
	if fd := l.watch - 1; p.links[fd] == l { // not a newer link with the same descriptor
		p.links[fd] = nil
	}
	var unused *os.File
	if p.n--; p.n == 0 {
		for _, next := range p.idle {
			close(next)
		}
		unused = p.file
		p.file, p.links, p.idle = nil, nil, nil
	}
	p.mu.Unlock()
	if unused != nil {
		unused.Close() // ends run
	}
}

// run resumes links until the epoll instance is closed. It does so within a single
// call of Read: each further call would reset the readiness that the runtime has
// recorded, and cost one more system call.
func (p *poller) run(raw syscall.RawConn) {
	events := make([]syscall.EpollEvent, 256)
	ready := make([]*link, 0, len(events))
	_ = raw.Read(func(fd uintptr) (done bool) { // returns when the file is closed
		for {
			n, err := syscall.EpollWait(int(fd), events, 0)
			if err == syscall.EINTR {
				continue
			}
			p.wake(events[:max(n, 0)], ready)
			if n < len(events) {
				return false // wait until the runtime reports readiness
			}
		}
	})
}

// wake resumes the links named by events. It uses ready as scratch space.
func (p *poller) wake(events []syscall.EpollEvent, ready []*link) {
	p.mu.Lock()
	for _, e := range events {
		if fd := int(e.Fd); fd < len(p.links) && p.links[fd] != nil {
			ready = append(ready, p.links[fd])
		}
	}
	p.mu.Unlock()
	for _, l := range ready {
		if l.parked.CompareAndSwap(true, false) {
			p.read(l)
		}
	}
	clear(ready)
}

// read makes a goroutine read from l.
func (p *poller) read(l *link) {
	p.mu.Lock()
	n := len(p.idle)
	if n == 0 {
		p.mu.Unlock()
		go p.readers(l)
		return
	}
	next := p.idle[n-1]
	p.idle = p.idle[:n-1]
	p.mu.Unlock()
	next <- l
}

// readers reads from l, and then from other links, until enough goroutines are idle
// or no link is registered.
func (p *poller) readers(l *link) {
	next := make(chan *link, 1)
	for more := true; more; {
		l.run(nil)
		if more = p.wait(next); more {
			l, more = <-next
		}
	}
}

// wait registers an idle goroutine. It returns false if the goroutine is not needed
// any more.
func (p *poller) wait(next chan *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == 0 || len(p.idle) >= maxIdleReaders {
		return false
	}
	p.idle = append(p.idle, next)
	return true
}
