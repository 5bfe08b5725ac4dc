package parser

// Borrowed is binary data that a handler gets lent. It is for large messages, whose
// memory and its collection cost as much as everything else.
//
// A parameter of this type, or a field that is an argument of an event or call of
// package event, is what was received, without a copy, and belongs to the handler
// until that returns. Afterwards the memory is used for other messages, of
// other connections, too: a handler that keeps it, or anything that shares its memory,
// will find something else there. The handler may change it, send it, and return it
// as its acknowledgement; for everything that outlives the call, such as a goroutine,
// it has to make a copy. That goes for what sees the arguments of a message that is
// sent, OnAnyOutgoing for one.
//
// Only the data of an argument of its own is lent, only to the only handler of an
// event, and only by the [JSON] codec. Otherwise, and when decoded in any other way,
// as part of an object for example, a Borrowed is a copy that nobody else uses. In
// messages that are sent it is the same as a []byte.
type Borrowed []byte
