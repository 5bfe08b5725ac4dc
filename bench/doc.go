// Bench compares this server with the reference implementation and with a bare
// WebSocket server. The latter is the floor: it shows the cost without
// everything that Socket.IO adds.
//
//	go run . -rounds 5 -o results.json -svg chart.svg
//	go run . -quick
//	go run . million
//
// The subjects take turns within each round, every run in a new process, and
// Bench reports the medians of the rounds. The main figures are the server's
// CPU time per message, as the kernel accounts for it, and its resident memory
// per client; a busy generator distorts neither. The generator is a separate
// process (package load). Bench also reports the CPU time of the generator and
// that of all other processes during a run.
//
// The subjects are server (ours), node (the reference implementation, socket.io on
// Node), floor (the bare server) and, on request, floor-direct (the floor with the
// system calls that ours makes). An absolute path names the program of another build
// of our server, to compare the two. All subjects run the same application and take
// the same commands on standard input. They exit when it is closed.
package main
