// Package handler keeps the functions that applications register for events, and
// calls them. Server and client share it: the type parameter S is the pointer
// type of their sockets.
package handler
