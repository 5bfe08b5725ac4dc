package socketio

import (
	"log/slog"

	"github.com/seed96b07ef8/socketio/internal/debuglog"
)

// DebugHandler returns a [slog.Handler] that passes to next the records from level info
// on, and of those below the ones whose scope pattern selects. next itself must be
// enabled for level debug, which those of package slog are not by default.
//
// The scope is the record's, or its logger's, attribute "scope": "engine" for the
// connections and "socket.io" for the rest of a server. A pattern is a list of scopes,
// separated by commas or spaces, in which * stands for any text and a leading - excludes:
// "socket.io,engine", "*,-engine". An exclusion has precedence, wherever in the list it
// is. The pattern "socket.io:*" matches "socket.io", too, and an empty one matches no
// scope.
//
// A server without a Logger uses a DebugHandler that writes text to standard error if the
// environment variable DEBUG is set and not empty when the server is made:
//
//	DEBUG=socket.io:*,engine ./server
func DebugHandler(pattern string, next slog.Handler) slog.Handler {
	return debuglog.New(pattern, next)
}
