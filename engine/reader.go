package engine

import "sync"

// A socketReader reads from a link. On a plain socket it waits for readability before
// it takes a buffer, so an idle connection holds none.
type socketReader struct {
	link *link
	buf  *[]byte
	fn   func(fd uintptr) bool
	got  []byte
	err  error
	dry  bool // the last read emptied the socket's buffer
	left bool // another goroutine or the poller has taken over the reading
}

// readers pools socketReaders, to avoid allocating the closure for RawConn.
var readers sync.Pool

func getReader(l *link) *socketReader {
	r, _ := readers.Get().(*socketReader)
	if r == nil {
		r = new(socketReader)
		r.fn = r.tryRead
	}
	r.link = l
	return r
}

func (r *socketReader) put() {
	r.release()
	*r = socketReader{fn: r.fn}
	readers.Put(r)
}

// read waits for bytes and returns them. They are valid until release, and may be
// accompanied by an error. If the link was parked instead, read sets left.
func (r *socketReader) read() ([]byte, error) {
	if r.link.raw == nil {
		space := r.space()
		n, err := r.link.nc.Read(space)
		return space[:n], err
	}
	r.got, r.err = nil, nil
	if err := r.link.raw.Read(r.fn); err != nil {
		return nil, err
	}
	return r.got, r.err
}

// tryRead returns false if nothing has arrived, so that RawConn waits.
func (r *socketReader) tryRead(fd uintptr) bool {
	if r.dry {
		r.dry = false
		if r.left = r.link.park(fd); r.left {
			return true
		}
	}
	space := r.space()
	n, ready, err := tryRead(fd, space)
	if !ready {
		r.release()
		r.left = r.link.park(fd)
		return r.left
	}
	r.got, r.err, r.dry = space[:n], err, n < len(space)
	return true
}

// space returns the buffer for the next bytes.
func (r *socketReader) space() []byte {
	if r.buf == nil {
		r.buf = getBuffer()
	}
	return r.link.in.Space(*r.buf)
}

func (r *socketReader) release() {
	if r.buf != nil {
		putBuffer(r.buf)
		r.buf = nil
	}
}
