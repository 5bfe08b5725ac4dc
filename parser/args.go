package parser

import (
	"fmt"
	"reflect"

	"github.com/seed96b07ef8/socketio/internal/blocks"
	"github.com/seed96b07ef8/socketio/internal/clip"
)

// Args holds the arguments of a received packet in encoded form. It is an
// immutable value and safe for concurrent use: it can be copied, kept, and
// decoded as often as needed. The zero Args is empty.
type Args struct {
	dec         ValueDecoder
	values      [][]byte
	attachments [][]byte
}

// ValueDecoder decodes single arguments of a packet. A [Codec] passes it to
// [NewArgs]. It must be safe for concurrent use.
type ValueDecoder interface {
	// DecodeValue decodes raw into the value that ptr points to. attachments
	// are the attachments of the packet. DecodeValue must not modify either,
	// and the value must not refer to their memory, because other handlers
	// decode the same bytes.
	DecodeValue(raw []byte, attachments [][]byte, ptr any) error
}

// NewArgs returns the arguments whose encoded forms are values, for
// implementations of [Codec]. It takes ownership of the slices, which must not
// be modified afterwards.
func NewArgs(dec ValueDecoder, values [][]byte, attachments [][]byte) Args {
	return Args{dec: dec, values: values, attachments: attachments}
}

// Decoder returns the ValueDecoder that was passed to [NewArgs], or nil for the zero
// Args. Implementations of [Codec] use it to recognize their own arguments when these
// are sent again.
func (a Args) Decoder() ValueDecoder { return a.dec }

// Len returns the number of arguments.
func (a Args) Len() int { return len(a.values) }

// Decode decodes the arguments, position by position, into the values that ptrs
// point to. A missing argument leaves its value unchanged, further arguments
// are ignored, and a nil entry skips an argument. Peers of different versions
// can therefore use different numbers of arguments.
//
// Values decode as described in the package documentation. []byte values are
// copies, which the caller owns. Decode stops at the first argument that does
// not fit its Go type and returns an [*ArgError]; the value that the pointer
// refers to may be partly written then.
func (a Args) Decode(ptrs ...any) error {
	for i, ptr := range ptrs[:min(len(ptrs), len(a.values))] {
		if err := a.DecodeAt(i, ptr); err != nil {
			return err
		}
	}
	return nil
}

// DecodeAt decodes the argument at position i, counting from 0, into what ptr
// points to. As with [Args.Decode], a missing argument leaves the value
// unchanged, a nil ptr does nothing, and the error is an [*ArgError].
func (a Args) DecodeAt(i int, ptr any) error {
	if i < 0 || i >= len(a.values) || ptr == nil {
		return nil
	}
	if err := a.dec.DecodeValue(a.values[i], a.attachments, ptr); err != nil {
		t := reflect.TypeOf(ptr)
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		return &ArgError{Index: i, Type: t, Err: clip.Error(err, clip.Quote)}
	}
	return nil
}

// Take is [Args.Decode] for the last user of the arguments: neither a nor a copy of
// it may be used afterwards. A decoded []byte or [Borrowed] may then refer to the
// received bytes instead of being a copy.
func (a Args) Take(ptrs ...any) error {
	for i, ptr := range ptrs[:min(len(ptrs), len(a.values))] {
		if p := bytesPointer(ptr); p != nil {
			if data := a.own(i); data != nil {
				*p = data
				continue
			}
		}
		if err := a.DecodeAt(i, ptr); err != nil {
			return err
		}
	}
	return nil
}

// bytesPointer returns ptr if it points to binary data.
func bytesPointer(ptr any) *[]byte {
	switch p := ptr.(type) {
	case *[]byte:
		return p
	case *Borrowed:
		return (*[]byte)(p)
	}
	return nil
}

// Release ends the use of the [Borrowed] values of a successful Take(ptrs...):
// unless they are copies, their memory is reused for further messages, and they
// must not be used afterwards. It may be called once, or not at all.
func (a Args) Release(ptrs ...any) {
	for i, ptr := range ptrs[:min(len(ptrs), len(a.values))] {
		if _, ok := ptr.(*Borrowed); ok {
			blocks.Put(a.own(i))
		}
	}
}

// own returns the attachment that the argument at position i consists of, if no
// other argument can refer to it.
func (a Args) own(i int) []byte {
	if _, ok := a.dec.(jsonValues); !ok || len(a.attachments) == 0 {
		return nil
	}
	index, ok := placeholder(a.values[i])
	if !ok || index >= len(a.attachments) {
		return nil
	}
	for j, raw := range a.values {
		if j == i || raw[0] != '{' && raw[0] != '[' {
			continue
		}
		if other, ok := placeholder(raw); !ok || other == index {
			return nil
		}
	}
	return a.attachments[index]
}

// From returns the arguments from position i on.
func (a Args) From(i int) Args {
	a.values = a.values[min(max(i, 0), len(a.values)):]
	return a
}

// Raw returns the encoded form of the argument at position i, counting from 0,
// or nil if there is no such argument. It must not be modified. Binary data in
// it is represented by placeholders.
func (a Args) Raw(i int) []byte {
	if i < 0 || i >= len(a.values) {
		return nil
	}
	return a.values[i]
}

// ArgError reports an argument that does not fit a Go type when decoding, or a
// value that has no encoded form when encoding.
type ArgError struct {
	// Index is the position of the argument, counting from 0. The event name
	// is not an argument.
	Index int
	// Type is the Go type to decode into or of the value to encode.
	Type reflect.Type
	// Err is the cause. When decoding, its quotations of the peer's data are truncated.
	Err error
}

// Error names the position, the Go type and the cause.
func (e *ArgError) Error() string {
	return fmt.Sprintf("parser: argument %d (%v): %v", e.Index, e.Type, e.Err)
}

// Unwrap returns the cause.
func (e *ArgError) Unwrap() error { return e.Err }
