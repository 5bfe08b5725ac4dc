package load

import (
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
)

// A loop is one thread that serves all connections of the generator with epoll
// and plain system calls: a client costs a small struct and a message two
// calls.
type loop struct {
	epoll   int
	sockets []socket // by descriptor
	events  [512]syscall.EpollEvent
	buf     []byte
	start   time.Time
}

// A socket is what the loop wakes when something can be read or written.
type socket interface {
	ready(events uint32)
}

const (
	readable = syscall.EPOLLIN
	writable = syscall.EPOLLOUT
	broken   = syscall.EPOLLERR | syscall.EPOLLHUP
)

func newLoop() (*loop, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create: %w", err)
	}
	return &loop{epoll: fd, buf: make([]byte, 256<<10), start: time.Now()}, nil
}

// now is the time since the loop's beginning.
func (l *loop) now() time.Duration { return time.Since(l.start) }

// wait serves what is ready, and waits for it no longer than timeout.
func (l *loop) wait(timeout time.Duration) error {
	n, err := syscall.EpollWait(l.epoll, l.events[:], max(0, int(timeout.Milliseconds())))
	if err == syscall.EINTR {
		return nil
	}
	if err != nil {
		return fmt.Errorf("epoll_wait: %w", err)
	}
	for _, e := range l.events[:n] {
		if s := l.sockets[e.Fd]; s != nil { // not closed by an earlier event
			s.ready(e.Events)
		}
	}
	return nil
}

func (l *loop) add(fd int, s socket, events uint32) error {
	for fd >= len(l.sockets) {
		l.sockets = append(l.sockets, make([]socket, 1024)...)
	}
	l.sockets[fd] = s
	return l.control(syscall.EPOLL_CTL_ADD, fd, events)
}

func (l *loop) modify(fd int, events uint32) error {
	return l.control(syscall.EPOLL_CTL_MOD, fd, events)
}

func (l *loop) control(op, fd int, events uint32) error {
	e := syscall.EpollEvent{Events: events, Fd: int32(fd)}
	if err := syscall.EpollCtl(l.epoll, op, fd, &e); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

func (l *loop) close(fd int) {
	l.sockets[fd] = nil
	syscall.Close(fd)
}

// dial starts to connect. The socket is writable once it is.
func (l *loop) dial(addr syscall.Sockaddr, s socket) (fd int, err error) {
	fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1) // a matter of speed only
	if err := syscall.Connect(fd, addr); err != nil && err != syscall.EINPROGRESS {
		syscall.Close(fd)
		return -1, fmt.Errorf("connect: %w", err)
	}
	if err := l.add(fd, s, writable); err != nil {
		l.close(fd)
		return -1, err
	}
	return fd, nil
}

func parseAddr(s string) (syscall.Sockaddr, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return nil, err
	}
	ip := net.ParseIP(host).To4()
	n, err := strconv.ParseUint(port, 10, 16)
	if ip == nil || err != nil {
		return nil, fmt.Errorf("%q is not an IPv4 address with a port", s)
	}
	a := &syscall.SockaddrInet4{Port: int(n)}
	copy(a.Addr[:], ip)
	return a, nil
}

// stream is the descriptor of a connection with what could not be written yet.
type stream struct {
	loop    *loop
	fd      int
	unsent  []byte
	reading bool // false while it is connecting
}

func (s *stream) dial(addr syscall.Sockaddr, to socket) (err error) {
	s.fd, err = s.loop.dial(addr, to)
	return err
}

// connected finishes the connecting.
func (s *stream) connected() error {
	errno, err := syscall.GetsockoptInt(s.fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	if err == nil && errno != 0 {
		err = syscall.Errno(errno)
	}
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	s.reading = true
	return s.loop.modify(s.fd, readable)
}

// send writes b. What the socket does not take is copied and follows.
func (s *stream) send(b []byte) error {
	if len(s.unsent) > 0 {
		s.unsent = append(s.unsent, b...)
		return nil
	}
	n, err := write(s.fd, b)
	if err != nil {
		return err
	}
	if n < len(b) {
		s.unsent = append(s.unsent, b[n:]...)
		return s.loop.modify(s.fd, readable|writable)
	}
	return nil
}

// flush sends what send has left.
func (s *stream) flush() error {
	n, err := write(s.fd, s.unsent)
	if err != nil {
		return err
	}
	s.unsent = s.unsent[n:]
	if len(s.unsent) > 0 {
		return nil
	}
	s.unsent = nil
	return s.loop.modify(s.fd, readable)
}

// receive reads what there is. It returns nothing when that is nothing.
func (s *stream) receive() ([]byte, error) {
	n, err := read(s.fd, s.loop.buf)
	switch {
	case err == syscall.EAGAIN:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read: %w", err)
	case n == 0:
		return nil, errClosed
	}
	return s.loop.buf[:n], nil
}

func (s *stream) close() {
	if s.fd >= 0 {
		s.loop.close(s.fd)
		s.fd = -1
	}
}
