package parser

import "sync"

// argsMemory is what the values of Args are in: their list and their text. Most
// handlers take the arguments as values of their own and let go of them, and so the
// next packet can have it.
type argsMemory struct {
	list [3][]byte
	text []byte
}

var argsMemories = sync.Pool{New: func() any { return new(argsMemory) }}

// Text longer than this has memory of its own. What is pooled may end up with the
// arguments of a short packet that somebody keeps.
const maxPooledText = 1 << 10

// pooledArgs returns Args with copies of values.
func pooledArgs(values [][]byte) Args {
	if len(values) == 0 {
		return NewArgs(jsonValues{}, nil, nil)
	}
	m := argsMemories.Get().(*argsMemory)
	list, text := copyValues(m.list[:], m.text, values)
	if cap(text) <= maxPooledText {
		m.text = text
	}
	return Args{dec: jsonValues{}, values: list, memory: m}
}

func (m *argsMemory) release() {
	clear(m.list[:])
	argsMemories.Put(m)
}
