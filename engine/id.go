package engine

import (
	"crypto/rand"
	"encoding/base64"
	"sync/atomic"
)

var idCounter atomic.Uint32

// NewID returns a new identifier of exactly 20 characters from A-Z a-z 0-9 - _. It is
// unguessable (96 random bits) and unique in this process. Sticky load balancers and
// cluster adapters rely on the length.
func NewID() string {
	var b [15]byte
	// Read never returns an error, see crypto/rand.
	rand.Read(b[:12])
	n := idCounter.Add(1) - 1
	b[12], b[13], b[14] = byte(n>>16), byte(n>>8), byte(n)
	return base64.URLEncoding.EncodeToString(b[:])
}
