package parser

// Borrowed is binary data that a handler may use until it returns. It avoids
// copying and garbage collection, which cost as much as all other work for large
// messages.
//
// A parameter of this type, or a field that is an argument of an event or call of
// package event, refers to the received bytes without a copy. The handler owns them
// until it returns. Afterwards their memory is reused for other messages, including
// those of other connections, so the handler must not keep the value or anything that
// shares its memory. The handler may modify the value, send it, and return it as its
// acknowledgement. It must copy data that outlives the call, for example in a
// goroutine. The same applies to functions that receive the arguments of a sent
// message, such as those of OnAnyOutgoing.
//
// The value refers to received bytes only if it is an argument by itself, the event
// has a single handler, and the codec is [JSON]. Otherwise, for example as part of
// an object, a Borrowed is a copy for the exclusive use of the handler. In sent
// messages a Borrowed is the same as a []byte.
type Borrowed []byte
