package engine

import (
	"os"
	"sync"
	"syscall"
)

// A poller watches idle WebSockets, so that none of them needs a goroutine that
// waits: it wakes those to which something has happened. Its own goroutine exists
// while there are links that were parked once, and waits like any other, since an
// epoll instance is a file that becomes readable.
// See docs/decisions/0008-idle-connections.md.
//
// An event only says that somebody should look at a link: one that is woken without
// a reason finds nothing to read, and is parked again. So it does not matter when an
// event is overtaken by the end of its connection and meets another one that has
// been given the same descriptor.
type poller struct {
	disabled   bool
	goroutines *sync.WaitGroup // of the server

	mu    sync.Mutex // guards what follows; taken after a Conn's mu
	file  *os.File   // the epoll instance; nil without links
	links []*link    // by descriptor
	n     int        // links that were parked once
	// idle are goroutines that have read before and wait to do it again: their stacks
	// have the right size for handlers. The one that became idle last is used first.
	idle []chan *link

	// epoll is file's descriptor. It changes only when there are no links, so those
	// may use it without mu.
	epoll int
}

// watch is what a poller knows about a link: its descriptor and one, or zero.
type watch int32

// The goroutines that may be idle at once.
const maxIdleReaders = 16

// works reports whether idle links are parked.
func (p *poller) works() bool { return !p.disabled }

// park watches l, whose descriptor is fd and stays open meanwhile, until something
// happens to it. It returns false when that is not possible. The mu of the link's
// Conn is held, and the Conn open, so Shutdown waits for the poller's goroutine.
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
	// There is one event, and then none until the link is parked again.
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT, Fd: int32(fd)}
	l.parked.Store(true)
	if err := syscall.EpollCtl(p.epoll, op, fd, &event); err != nil {
		// The kernel has no memory for it: a goroutine has to wait, this one unless
		// there is another by now.
		return !l.parked.CompareAndSwap(true, false)
	}
	return true
}

// add makes a link known, until forget.
func (p *poller) add(l *link, fd int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil && p.open() != nil {
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

// open makes the epoll instance. mu is held.
func (p *poller) open() error {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	// So marked, it is waited for by the runtime.
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

// forget ends what add began. Nobody reads from l any more, and it is not parked.
func (p *poller) forget(l *link) {
	if l.watch == 0 {
		return
	}
	p.mu.Lock()
	if fd := l.watch - 1; p.links[fd] == l { // and not the next one with this descriptor
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
		unused.Close() // ends run, and waits for that
	}
}

// run wakes links until the epoll instance is closed. It does so from inside a single
// Read: each of its own would begin with forgetting what has happened before, and so
// with asking once more.
func (p *poller) run(raw syscall.RawConn) {
	events := make([]syscall.EpollEvent, 256)
	ready := make([]*link, 0, len(events))
	_ = raw.Read(func(fd uintptr) (done bool) { // until the file is closed
		for {
			n, err := syscall.EpollWait(int(fd), events, 0)
			if err == syscall.EINTR {
				continue
			}
			p.wake(events[:max(n, 0)], ready)
			if n < len(events) {
				return false // there will be news before there is more
			}
		}
	})
}

// wake wakes the links that events are about; ready is memory for their list.
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

// read has a goroutine read from l.
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

// readers reads from l, and then from others until it is one too many, or there are
// no links.
func (p *poller) readers(l *link) {
	next := make(chan *link, 1)
	for more := true; more; {
		l.run(nil)
		if more = p.wait(next); more {
			l, more = <-next
		}
	}
}

// wait notes that a goroutine is idle. It returns false when it is not needed any more.
func (p *poller) wait(next chan *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == 0 || len(p.idle) >= maxIdleReaders {
		return false
	}
	p.idle = append(p.idle, next)
	return true
}
