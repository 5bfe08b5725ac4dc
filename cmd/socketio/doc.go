// Command socketio talks to Socket.IO servers from a terminal and from scripts,
// as wscat does to WebSocket servers.
//
//	socketio connect URL                  a session: type events, see what happens
//	socketio emit URL EVENT [VALUE...]    emit once, print the acknowledgement
//	socketio listen URL [EVENT...]        print events as JSON lines
//
// It speaks the protocol of Socket.IO 3 and later. The path of the URL is the
// namespace, as for all clients; http:// may be left out.
//
// Values are JSON. Binary data is @FILE, 0x and hexadecimal digits, or, anywhere
// in a value, {"$binary":"<base64>"}, which is also how binary data is printed.
//
// In a session a line is an event with its values, `sum 1 2`. A question mark at
// the end asks for an acknowledgement, `sum 1 2 ?`. Lines with a slash are
// commands: see /help. When the input is no terminal, its lines are executed, and
// the command ends when the acknowledgements have come.
//
// The exit code is 0 when all went well, 1 after an error that has no code of its
// own, 2 when the command line is wrong, 3 when there is no connection or it was
// lost, 4 when the server refuses the client, 5 when something took longer than
// --timeout, and 130 after an interruption; listen ends with 0 then.
package main
