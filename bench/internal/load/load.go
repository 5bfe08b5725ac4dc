// Package load is the load generator: many Socket.IO clients in one process, on
// one thread. It measures the CPU time of the server's process, and reports its
// own so that a generator at its limit is visible.
//
// A generator reads a [Spec] from its standard input and writes one [Event] per
// line to its standard output; one that holds idle clients then takes the
// commands "stat" and "stop". It ends when its input does.
package load

import "time"

// A Spec says what a generator has to do.
type Spec struct {
	// Kind is echo, bin, poll, bcast, room, burst, connect, idle or mixed.
	Kind string
	// Addrs are the server's IPv4 addresses; clients are spread over them.
	Addrs []string
	// PIDs are the server's processes.
	PIDs []int

	Clients int
	// Depth is how many events each client has in flight.
	Depth int
	// Event is the name of the event of the kind bin.
	Event string
	// Size is the number of bytes of its attachment.
	Size int
	// Burst is the number of broadcasts in a burst.
	Burst int
	// Room is the number of clients in a room.
	Room int
	// Pollers are the polling clients of the kind mixed.
	Pollers int

	// Warmup passes before the Duration that is measured. The kind connect
	// measures Clients connections after as many Warmups.
	Warmup, Duration time.Duration
	// Window is how many clients connect at the same time.
	Window int
	// Reserve is how many bytes of memory have to be available for further
	// clients to be connected.
	Reserve int64
}

// An Event is what a generator reports.
type Event struct {
	// Type is measure when the measuring begins, measured with its Result, held
	// when idle clients are connected, stat in answer to that command, and error.
	Type   string
	Error  string  `json:",omitempty"`
	Result *Result `json:",omitempty"`
	Stat   *Stat   `json:",omitempty"`
}

// A Result is what was measured.
type Result struct {
	Messages  int64
	Elapsed   time.Duration
	ServerCPU time.Duration
	// OwnCPU is what the generator itself has used.
	OwnCPU time.Duration
	// OtherCPU is what everything else on the machine has used.
	OtherCPU time.Duration
	P50, P99 time.Duration
	// DisconnectCPU is what the server has used to get rid of the clients, of
	// the kind connect.
	DisconnectCPU time.Duration
	// Lost are connections that the server has closed.
	Lost int
}

// A Stat describes the clients of the kind idle.
type Stat struct {
	Clients int
	Lost    int
	// Stopped says why not all clients were connected.
	Stopped string `json:",omitempty"`
	// Pongs are the heartbeats that were answered.
	Pongs int64
	// Deliveries are the events received, the last at Last.
	Deliveries int64
	Last       time.Time
	OwnCPU     time.Duration
}
