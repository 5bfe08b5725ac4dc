package ws

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
)

// permessage-deflate (RFC 7692) is used without context takeover in both
// directions: a message is compressed by itself, so the result can be shared
// by all recipients of a broadcast, and no connection holds a 32 KiB window.

// A message ends with an empty stored block whose last four bytes are not sent
// (section 7.2.1); the second block here ends the stream for compress/flate.
const deflateTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

func inflate(payload []byte, limit int) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	src := io.MultiReader(bytes.NewReader(payload), bytes.NewReader([]byte(deflateTail)))
	if err := r.(flate.Resetter).Reset(src, nil); err != nil {
		return nil, &CloseError{Code: CloseInvalidPayload, Reason: "invalid compressed data"}
	}
	var out bytes.Buffer
	out.Grow(min(4*len(payload), limit) + bytes.MinRead)
	n, err := out.ReadFrom(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, &CloseError{Code: CloseInvalidPayload, Reason: "invalid compressed data"}
	}
	if n > int64(limit) {
		return nil, errTooLarge
	}
	return out.Bytes(), nil
}

type deflater struct {
	w   *flate.Writer
	buf bytes.Buffer
}

var deflaters = sync.Pool{New: func() any {
	d := new(deflater)
	// The level is valid, so there is no error.
	d.w, _ = flate.NewWriter(&d.buf, flate.BestSpeed)
	return d
}}

// AppendDeflated appends payload as one compressed, unmasked frame.
func AppendDeflated(dst []byte, op Opcode, payload []byte) []byte {
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	d.buf.Reset()
	d.w.Reset(&d.buf)
	// Writes to a bytes.Buffer do not fail.
	_, _ = d.w.Write(payload)
	_ = d.w.Flush()
	compressed := bytes.TrimSuffix(d.buf.Bytes(), []byte(deflateTail[:4]))
	dst = AppendHeader(dst, op, true, len(compressed))
	return append(dst, compressed...)
}
