package engine

import "sync"

// socketReader reads from a link. On a plain socket it waits for readability
// first, so that a connection on which nothing happens holds no buffer.
type socketReader struct {
	link *link
	buf  *[]byte
	fn   func(fd uintptr) bool
	got  []byte
	err  error
	dry  bool // the last read has brought all that there was
	left bool // somebody else reads from the link, or will
}

// Pooled, so that the closure that RawConn wants costs nothing.
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

// read waits for bytes and returns them; they are valid until release. It may
// return bytes together with an error. When the link was parked instead, it sets
// left.
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

// tryRead returns false when there is nothing to read yet, and the caller is to
// wait.
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

// space returns where the next bytes belong.
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
