// Command socketio is a Socket.IO client for terminals and scripts, like wscat
// for WebSocket servers.
//
//	socketio connect URL                  a session: type events, see what happens
//	socketio emit URL EVENT [VALUE...]    emit once, print the acknowledgement
//	socketio listen URL [EVENT...]        print events as JSON lines
//
// It connects to servers of Socket.IO 3 and later. The path of the URL is the
// namespace, as for all clients; http:// may be omitted.
//
// Values are JSON. Binary data is @FILE, 0x and hexadecimal digits, or, anywhere
// in a value, {"$binary":"<base64>"}. Received binary data is printed in the
// last form.
//
// In a session a line is an event with its values, `sum 1 2`. A question mark at
// the end asks for an acknowledgement, `sum 1 2 ?`. Lines that start with a slash
// are commands; /help lists them. If the input is not a terminal, the command
// executes its lines and exits when all acknowledgements have arrived.
//
// The exit code is 0 on success, 1 for an error without a code of its own, 2 for
// an invalid command line, 3 if the connection failed or was lost, 4 if the
// server refused the client, 5 if something took longer than --timeout, and 130
// after an interrupt, except that listen then exits with 0.
package main
