package ws

import (
	"crypto/rand"
	"sync"
)

// MaskLen is the number of bytes that masking adds to a frame.
const MaskLen = 4

// AppendMasked appends complete unmasked frames, as AppendFrame writes them, in
// the masked form that clients must send: each payload XORed with an
// unpredictable key (RFC 6455, section 5.3). It does not modify frames.
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

// keySource provides masking keys. It reads random bytes for many keys at a
// time, because a system call per frame would cost more than masking.
type keySource struct {
	bytes [256]byte
	used  int
}

var maskKeys = sync.Pool{New: func() any { return &keySource{used: len(keySource{}.bytes)} }}

func (k *keySource) next() (key [MaskLen]byte) {
	if k.used == len(k.bytes) {
		// Read never fails: without randomness it ends the program.
		_, _ = rand.Read(k.bytes[:])
		k.used = 0
	}
	used := k.bytes[k.used : k.used+MaskLen]
	copy(key[:], used)
	clear(used)
	k.used += MaskLen
	return key
}
