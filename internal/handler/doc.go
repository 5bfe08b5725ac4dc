// Package handler calls the functions that applications register for events, and
// keeps the lists of them. Server and client share it: S is the socket type of
// one or the other, a pointer.
package handler
