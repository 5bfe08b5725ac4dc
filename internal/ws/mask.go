package ws

import (
	"crypto/rand"
	"sync"
)

// MaskLen is what masking adds to a frame.
const MaskLen = 4

// AppendMasked appends complete unmasked frames, as AppendFrame writes them, in
// the form in which a client has to send them: each payload XORed with a key that
// nobody can predict (RFC 6455, section 5.3). The frames are not changed.
func AppendMasked(dst, frames []byte) []byte {
	k := maskKeys.Get().(*keySource)
	defer maskKeys.Put(k)
	for len(frames) > 0 {
		h, _, _ := parseHeader(frames)
		end := h.size + h.length
		at := len(dst)
		dst = append(dst, frames[:h.size]...)
		dst[at+1] |= maskBit
		key := k.next()
		dst = append(dst, key[:]...)
		at = len(dst)
		dst = append(dst, frames[h.size:end]...)
		mask(dst[at:], key)
		frames = frames[end:]
	}
	return dst
}

// keySource gives keys out of random bytes that it fetches many at a time: one
// call of the system for each frame would cost more than the masking.
type keySource struct {
	bytes [256]byte
	used  int
}

var maskKeys = sync.Pool{New: func() any { return &keySource{used: len(keySource{}.bytes)} }}

func (k *keySource) next() (key [MaskLen]byte) {
	if k.used == len(k.bytes) {
		// It does not fail: without randomness the program ends.
		_, _ = rand.Read(k.bytes[:])
		k.used = 0
	}
	used := k.bytes[k.used : k.used+MaskLen]
	copy(key[:], used)
	clear(used)
	k.used += MaskLen
	return key
}
