package msgpack

import "errors"

var (
	errTooDeep = errors.New("arrays and maps are nested too deeply")
	errKeyType = errors.New("a map key is a string or a number")
)

// open is an array or map on the scanner's stack.
type open struct {
	left  uint64 // remaining values; a map's key and its value are two
	isMap bool
}

// skip validates the value at data[i] and returns where it ends. It takes time
// linear in the size of the value, and maxDepth bounds its stack. A validated
// value can be read without checking errors.
func skip(data []byte, i, maxDepth int) (end int, err error) {
	var inline [8]open
	stack := inline[:0]
	for {
		t, end, err := next(data, i)
		if err != nil {
			return 0, err
		}
		i = end
		if t.kind == kindArray || t.kind == kindMap {
			if len(stack) >= maxDepth {
				return 0, errTooDeep
			}
			o := open{left: t.n}
			if t.kind == kindMap {
				o = open{left: 2 * t.n, isMap: true}
			}
			stack = append(stack, o)
		}
		// The ends of containers, up to the next value.
		for len(stack) > 0 && stack[len(stack)-1].left == 0 {
			stack = stack[:len(stack)-1]
		}
		if len(stack) == 0 {
			return i, nil
		}
		top := &stack[len(stack)-1]
		if top.isMap && top.left%2 == 0 {
			if i, err = skipKey(data, i); err != nil {
				return 0, err
			}
			top.left--
		}
		top.left--
	}
}

// skipKey checks a map's key. JavaScript peers send strings only, others may
// send numbers, which are the strings of their decimal digits.
func skipKey(data []byte, i int) (end int, err error) {
	t, end, err := next(data, i)
	if err != nil {
		return 0, err
	}
	if _, isNumber := t.float(); t.kind != kindString && !isNumber {
		return 0, errKeyType
	}
	return end, nil
}

// pass returns where the value at data[i] ends, which skip has validated.
func pass(data []byte, i int) int {
	t, end, _ := next(data, i)
	if t.kind == kindArray || t.kind == kindMap {
		end, _ = skip(data, i, maxNesting+1)
	}
	return end
}
