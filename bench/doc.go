// Bench compares our server with the reference implementation and with a bare
// WebSocket server, which is the floor: what remains when everything that
// Socket.IO does is left out.
//
//	go run . -rounds 5 -o results.json -svg chart.svg
//	go run . -quick
//	go run . million
//
// The subjects take turns within every round, each run in a fresh process, and
// the medians of the rounds are reported. The primary figures are the server's
// CPU time per message, as the kernel accounts for it, and its resident memory
// per client: a busy generator distorts neither. The generator is a process of
// its own (package load), whose CPU time is reported besides, as is that of
// everything else on the machine while a run was measured.
//
// The subjects: server is ours, node the reference implementation
// (socket.io on Node), floor the bare server; floor-direct, on request, is the floor
// with the system calls that ours makes. An absolute path is the program of a server
// like ours, so that two builds can be compared. They run the same application and
// obey the same commands on their standard input, whose end is theirs, too.
package main
