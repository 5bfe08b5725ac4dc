package load

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/seed96b07ef8/socketio/bench/internal/proc"
)

// A Generator drives the clients of one process.
type Generator struct {
	spec    Spec
	loop    *loop
	addrs   []syscall.Sockaddr
	events  *json.Encoder
	clients []*client
	pollers []*poller
	work    workload
	out     []byte // replies of the client that is being served

	connecting, connected int
	pollersUp             int
	lostClients           int
	loaded                bool  // the load was begun
	failure               error // ends the run
	messages              int64
	pongs                 int64
	latency               histogram
}

// A workload is what clients do once they are connected.
type workload interface {
	// prepare runs when all clients are connected. prepared reports whether what
	// it began is done.
	prepare()
	prepared() bool
	// begin starts the load.
	begin()
	// tick is called several times a second at least.
	tick(now time.Duration)
	// ack and event are called for what a client has received.
	ack(c *client, id int, latency time.Duration)
	event(c *client)
}

// Main runs a generator as its process's program.
func Main() error {
	runtime.LockOSThread()
	debug.SetGCPercent(400)
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	g := &Generator{events: json.NewEncoder(os.Stdout)}
	if err = json.Unmarshal(line, &g.spec); err == nil {
		err = g.run()
	}
	if err != nil {
		g.report(Event{Type: "error", Error: err.Error()})
	}
	return err
}

func (g *Generator) report(e Event) {
	if g.events.Encode(e) != nil {
		os.Exit(1) // the reader of the output has ended
	}
}

func (g *Generator) run() error {
	var err error
	if g.loop, err = newLoop(); err != nil {
		return err
	}
	if _, err = proc.MaxFiles(0); err != nil {
		return err
	}
	for _, s := range g.spec.Addrs {
		a, err := parseAddr(s)
		if err != nil {
			return err
		}
		g.addrs = append(g.addrs, a)
	}
	if err := g.watchInput(); err != nil {
		return err
	}
	switch g.spec.Kind {
	case "connect":
		g.work = quiet{}
		return g.measureConnecting()
	case "idle":
		g.work = &deliveries{}
		return g.hold()
	}
	if g.work, err = newWorkload(g); err != nil {
		return err
	}
	return g.measure()
}

// Time without any progress after which a run is given up.
const stall = 20 * time.Second

// measure brings the clients up and measures the load that they make.
func (g *Generator) measure() error {
	clients := g.spec.Clients
	if g.spec.Kind == "poll" {
		clients = 0
	}
	if err := g.connectAll(clients, nil); err != nil {
		return err
	}
	if err := g.connectPollers(); err != nil {
		return err
	}
	g.work.prepare()
	if _, err := g.until(g.work.prepared); err != nil {
		return err
	}
	g.loaded = true
	g.work.begin()
	if err := g.pass(g.spec.Warmup); err != nil {
		return err
	}
	g.latency.reset()
	g.report(Event{Type: "measure"})
	before, err := g.sample()
	if err != nil {
		return err
	}
	if err := g.pass(g.spec.Duration); err != nil {
		return err
	}
	r, err := g.since(before)
	if err != nil {
		return err
	}
	g.report(Event{Type: "measured", Result: r})
	return g.stay()
}

// stay keeps the clients connected until the input ends, and the process with
// it.
func (g *Generator) stay() error {
	for {
		if err := g.loop.wait(time.Second); err != nil {
			return err
		}
	}
}

// measureConnecting measures what it costs the server to get clients, and to
// get rid of them.
func (g *Generator) measureConnecting() error {
	n := g.spec.Clients
	if err := g.connectAll(min(n, 500), nil); err != nil {
		return err
	}
	g.closeAll()
	if err := g.quiesce(); err != nil {
		return err
	}
	g.latency.reset()
	g.connected = 0
	g.report(Event{Type: "measure"})
	before, err := g.sample()
	if err != nil {
		return err
	}
	if err := g.connectAll(n, nil); err != nil {
		return err
	}
	g.messages += int64(n)
	r, err := g.since(before)
	if err != nil {
		return err
	}
	if err := g.quiesce(); err != nil { // what a server leaves for later is part of it
		return err
	}
	settled, err := g.sample()
	if err != nil {
		return err
	}
	r.ServerCPU = settled.server - before.server
	g.closeAll()
	if err := g.quiesce(); err != nil {
		return err
	}
	after, err := g.sample()
	if err != nil {
		return err
	}
	r.DisconnectCPU = after.server - settled.server
	g.report(Event{Type: "measured", Result: r})
	return nil
}

// hold keeps idle clients, which answer the heartbeat, until it receives a
// command to stop.
func (g *Generator) hold() error {
	stopped := ""
	err := g.connectAll(g.spec.Clients, func() bool {
		available, err := proc.Meminfo("MemAvailable:")
		if err == nil && available < g.spec.Reserve {
			stopped = fmt.Sprintf("only %d MiB of memory are available", available>>20)
		}
		return stopped == ""
	})
	if err != nil {
		stopped = err.Error()
		g.failure = nil
	}
	g.report(Event{Type: "held", Stat: g.stat(stopped)})
	return g.stay()
}

func (g *Generator) stat(stopped string) *Stat {
	d := g.work.(*deliveries)
	s := &Stat{
		Clients: g.connected - g.lostClients, Lost: g.lostClients, Stopped: stopped,
		Pongs: g.pongs, Deliveries: d.n, Last: d.last,
	}
	s.OwnCPU, _ = proc.CPU(os.Getpid())
	return s
}

// connectAll connects the clients up to the given number. It stops early when
// goOn, asked now and then, says so.
func (g *Generator) connectAll(n int, goOn func() bool) error {
	g.clients = append(g.clients, make([]*client, max(0, n-len(g.clients)))...)
	next, progress := 0, g.loop.now()
	for done := g.connected; g.connected < n; {
		for next < n && g.connecting < g.spec.Window {
			if goOn != nil && next%256 == 0 && !goOn() {
				n = next
				break
			}
			if err := g.connect(next); err != nil {
				return err
			}
			g.connecting++
			next++
		}
		if err := g.loop.wait(100 * time.Millisecond); err != nil {
			return err
		}
		switch {
		case g.failure != nil:
			return g.failure
		case g.connected > done:
			done, progress = g.connected, g.loop.now()
		case g.loop.now()-progress > stall:
			return fmt.Errorf("stalled after %d of %d connections", g.connected, n)
		}
	}
	return nil
}

func (g *Generator) joined(c *client) {
	g.connecting--
	g.connected++
	g.latency.add(g.loop.now() - c.dialed)
}

// reply adds to what the client that is being served sends.
func (g *Generator) reply(b []byte) { g.out = append(g.out, b...) }

func (g *Generator) flushReplies(c *client) error {
	if len(g.out) == 0 {
		return nil
	}
	out := g.out
	g.out = g.out[:0]
	if c.state == ended {
		return nil
	}
	return c.send(out)
}

// lost is called when a connection has failed. Only those who hold idle clients
// can live with that.
func (g *Generator) lost(c *client, err error) {
	g.out = g.out[:0]
	state := c.state
	c.state = ended
	c.close()
	if state != joined {
		g.connecting--
	}
	g.lostClients++
	if g.spec.Kind != "idle" || state != joined {
		g.failure = fmt.Errorf("client %d lost (state %d): %w", c.index, state, err)
	}
}

func (g *Generator) closeAll() {
	for _, c := range g.clients {
		if c != nil {
			c.state = ended
			c.close()
		}
	}
}

// pass lets the load run for a while. A load that stops, because a message was
// lost, is an error.
func (g *Generator) pass(d time.Duration) error {
	end := g.loop.now() + d
	last, err := g.until(func() bool { return g.loop.now() >= end })
	if idle := g.loop.now() - last; err == nil && g.loaded && idle > max(time.Second, d/2) {
		err = fmt.Errorf("no message for %v", idle)
	}
	return err
}

// until lets the load run until done. It returns when the last message came.
func (g *Generator) until(done func() bool) (last time.Duration, err error) {
	messages, last := g.messages, g.loop.now()
	for !done() {
		if err := g.loop.wait(5 * time.Millisecond); err != nil {
			return last, err
		}
		now := g.loop.now()
		g.work.tick(now)
		switch {
		case g.failure != nil:
			return last, g.failure
		case g.messages > messages:
			messages, last = g.messages, now
		case now-last > stall:
			return last, fmt.Errorf("stalled after %d messages", g.messages)
		}
	}
	return last, nil
}

// quiesce waits until the server has nothing to do any more.
func (g *Generator) quiesce() error {
	last := time.Duration(-1)
	for calm := 0; calm < 3; {
		if err := g.pass(100 * time.Millisecond); err != nil {
			return err
		}
		s, err := g.sample()
		if err != nil {
			return err
		}
		if calm++; s.server-last > 2*time.Millisecond {
			calm = 0
		}
		last = s.server
		if g.loop.now() > 5*time.Minute {
			return errors.New("the server does not become idle")
		}
	}
	return nil
}

// A sample is a reading of the clocks and counters.
type sample struct {
	at, server, own, busy time.Duration
	messages              int64
}

func (g *Generator) sample() (sample, error) {
	s := sample{at: g.loop.now(), messages: g.messages}
	for _, pid := range g.spec.PIDs {
		d, err := proc.CPU(pid)
		if err != nil {
			return s, err
		}
		s.server += d
	}
	var err1, err2 error
	s.own, err1 = proc.CPU(os.Getpid())
	s.busy, err2 = proc.Busy()
	return s, errors.Join(err1, err2)
}

func (g *Generator) since(before sample) (*Result, error) {
	after, err := g.sample()
	if err != nil {
		return nil, err
	}
	r := &Result{
		Messages:  after.messages - before.messages,
		Elapsed:   after.at - before.at,
		ServerCPU: after.server - before.server,
		OwnCPU:    after.own - before.own,
		P50:       g.latency.quantile(0.50),
		P99:       g.latency.quantile(0.99),
		Lost:      g.lostClients,
	}
	r.OtherCPU = max(0, after.busy-before.busy-r.ServerCPU-r.OwnCPU)
	return r, nil
}

// An input takes the commands.
type input struct {
	gen  *Generator
	line []byte
}

// watchInput makes standard input one of the loop's sockets.
func (g *Generator) watchInput() error {
	if err := syscall.SetNonblock(0, true); err != nil {
		return err
	}
	err := g.loop.add(0, &input{gen: g}, readable)
	if errors.Is(err, syscall.EPERM) {
		return nil // a file, in tests
	}
	return err
}

// ready implements socket.
func (in *input) ready(uint32) {
	var b [256]byte
	n, err := read(0, b[:])
	if err == syscall.EAGAIN {
		return
	}
	if err != nil || n == 0 {
		os.Exit(0)
	}
	in.line = append(in.line, b[:n]...)
	for i, d := range in.line {
		if d != '\n' {
			continue
		}
		switch string(in.line[:i]) {
		case "stat":
			in.gen.report(Event{Type: "stat", Stat: in.gen.stat("")})
		case "stop":
			os.Exit(0)
		}
		in.line = in.line[i+1:]
		break
	}
}
