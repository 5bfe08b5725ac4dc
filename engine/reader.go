package engine

// socketReader reads from a link. On a plain socket it waits for readability
// first, so that a connection on which nothing happens holds no buffer.
type socketReader struct {
	link *link
	buf  *[]byte
	fn   func(fd uintptr) bool
	got  []byte
	err  error
}

func newSocketReader(l *link) *socketReader {
	r := &socketReader{link: l}
	r.fn = r.tryRead
	return r
}

// read waits for bytes and returns them; they are valid until release. It may
// return bytes together with an error.
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

// tryRead returns false when there is nothing to read yet.
func (r *socketReader) tryRead(fd uintptr) bool {
	space := r.space()
	n, ready, err := tryRead(fd, space)
	if !ready {
		r.release()
		return false
	}
	r.got, r.err = space[:n], err
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
