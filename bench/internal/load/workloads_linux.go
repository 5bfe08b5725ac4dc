package load

import (
	"fmt"
	"time"

	"github.com/seed96b07ef8/socketio/bench/internal/frame"
)

func newWorkload(g *Generator) (workload, error) {
	s := g.spec
	switch s.Kind {
	case "echo":
		return &echo{gen: g, frames: echoFrames(s.Depth)}, nil
	case "bin":
		return &echo{gen: g, frames: binaryFrames(s.Event, s.Depth, s.Size)}, nil
	case "poll":
		return &polling{gen: g}, nil
	case "bcast":
		return &broadcast{gen: g, frame: event(`42["bcast"]`), expected: s.Clients}, nil
	case "burst":
		return &broadcast{gen: g, frame: event(fmt.Sprintf(`42["burst",%d]`, s.Burst)), expected: s.Clients * s.Burst}, nil
	case "room":
		return newRooms(g), nil
	case "mixed":
		return newMixed(g), nil
	}
	return nil, fmt.Errorf("unknown kind of workload %q", s.Kind)
}

func event(packet string) []byte { return frame.AppendMasked(nil, frame.Text, packet) }

// echoFrames returns an event for each acknowledgement ID below n.
func echoFrames(n int) [][]byte {
	frames := make([][]byte, n)
	for id := range frames {
		frames[id] = event(fmt.Sprintf(`42%d["echo",{"msg":"hello","n":1}]`, id))
	}
	return frames
}

func binaryFrames(name string, n, size int) [][]byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7)
	}
	frames := make([][]byte, n)
	for id := range frames {
		b := event(fmt.Sprintf(`451-%d[%q,{"_placeholder":true,"num":0}]`, id, name))
		frames[id] = frame.AppendMasked(b, frame.Binary, string(data))
	}
	return frames
}

// quiet is a workload that does nothing.
type quiet struct{}

func (quiet) prepare()                        {}
func (quiet) prepared() bool                  { return true }
func (quiet) begin()                          {}
func (quiet) tick(time.Duration)              {}
func (quiet) ack(*client, int, time.Duration) {}
func (quiet) event(*client)                   {}

// echo keeps a number of events of each client in flight.
type echo struct {
	quiet
	gen    *Generator
	frames [][]byte // by the acknowledgement's ID
}

func (w *echo) begin() {
	for _, c := range w.gen.clients {
		for id, b := range w.frames {
			c.ask(id, b)
		}
		w.gen.sendNow(c)
	}
}

func (w *echo) ack(c *client, id int, latency time.Duration) {
	w.gen.messages++
	w.gen.latency.add(latency)
	c.ask(id, w.frames[id])
}

// sendNow sends replies outside of the serving of a client.
func (g *Generator) sendNow(c *client) {
	if err := g.flushReplies(c); err != nil {
		g.lost(c, err)
	}
}

// broadcast makes the server send to all clients, again when the last of them
// has everything.
type broadcast struct {
	quiet
	gen           *Generator
	frame         []byte
	expected, got int
	next          int
	sent          time.Duration
}

func (w *broadcast) begin() {
	w.got = 0
	c := w.gen.clients[w.next%len(w.gen.clients)]
	w.next += 7
	w.sent = w.gen.loop.now()
	if err := c.send(w.frame); err != nil {
		w.gen.lost(c, err)
	}
}

func (w *broadcast) event(*client) {
	w.gen.messages++
	w.gen.latency.add(w.gen.loop.now() - w.sent)
	if w.got++; w.got == w.expected {
		w.begin()
	}
}

// rooms makes the server send to one small room after the other.
type rooms struct {
	quiet
	gen    *Generator
	size   int
	frames [][]byte // by room
	joins  [][]byte
	joined int
	room   int
	got    int
	sent   time.Duration
}

func newRooms(g *Generator) *rooms {
	w := &rooms{gen: g, size: g.spec.Room}
	for i := range g.spec.Clients / g.spec.Room {
		w.frames = append(w.frames, event(fmt.Sprintf(`42["room","r%d"]`, i)))
		w.joins = append(w.joins, event(fmt.Sprintf(`420["join","r%d"]`, i)))
	}
	return w
}

func (w *rooms) prepare() {
	for i, c := range w.gen.clients {
		c.ask(0, w.joins[i/w.size])
		w.gen.sendNow(c)
	}
}

func (w *rooms) ack(*client, int, time.Duration) {
	w.joined++
	w.gen.messages++
}

func (w *rooms) prepared() bool { return w.joined == len(w.gen.clients) }

func (w *rooms) begin() {
	w.got = 0
	w.room = (w.room + 73) % len(w.frames) // so that no cache knows it
	w.sent = w.gen.loop.now()
	c := w.gen.clients[w.room*w.size]
	if err := c.send(w.frames[w.room]); err != nil {
		w.gen.lost(c, err)
	}
}

func (w *rooms) event(*client) {
	w.gen.messages++
	w.gen.latency.add(w.gen.loop.now() - w.sent)
	if w.got++; w.got == w.size {
		w.begin()
	}
}

// deliveries counts what idle clients receive.
type deliveries struct {
	quiet
	n    int64
	last time.Time
}

func (w *deliveries) event(*client) {
	w.n++
	w.last = time.Now()
}

// mixed is a bit of everything at a moderate, fixed rate: echoes, attachments,
// broadcasts to all and to rooms, polling, and clients that come and go.
type mixed struct {
	*rooms
	echoes, binaries [][]byte
	all              []byte
	due              map[string]time.Duration
	next             int
	churn            int // the next of the clients that come and go
}

// The rates of a mixed run, per second.
const (
	mixedEchoes   = 4000
	mixedBinaries = 400
	mixedRooms    = 100
	mixedAll      = 4
	mixedPolls    = 200
	mixedChurn    = 50
)

// This share of the clients stays.
const mixedStaying = 0.9

func newMixed(g *Generator) *mixed {
	return &mixed{
		rooms: newRooms(g), echoes: echoFrames(1), binaries: binaryFrames("bin", 2, 1024),
		all: event(`42["bcast"]`), due: make(map[string]time.Duration),
	}
}

func (w *mixed) begin() {}

func (w *mixed) ack(c *client, id int, latency time.Duration) {
	if !w.rooms.prepared() {
		w.rooms.ack(c, id, latency)
		return
	}
	w.gen.messages++
	if id == 0 {
		w.gen.latency.add(latency)
	}
}

func (w *mixed) event(*client) { w.gen.messages++ }

func (w *mixed) tick(now time.Duration) {
	if !w.rooms.prepared() {
		return
	}
	staying := int(float64(len(w.gen.clients)) * mixedStaying)
	one := func(id int, frames [][]byte) func() {
		return func() {
			w.next = (w.next + 1) % staying
			c := w.gen.clients[w.next]
			if len(c.pending) <= id || c.pending[id] == 0 {
				c.ask(id, frames[id])
				w.gen.sendNow(c)
			}
		}
	}
	emit := func(b []byte) {
		w.next = (w.next + 1) % staying
		c := w.gen.clients[w.next]
		if err := c.send(b); err != nil {
			w.gen.lost(c, err)
		}
	}
	w.every(now, "echo", mixedEchoes, one(0, w.echoes))
	w.every(now, "bin", mixedBinaries, one(1, w.binaries))
	w.every(now, "room", mixedRooms, func() {
		w.room = (w.room + 73) % len(w.frames)
		emit(w.frames[w.room])
	})
	w.every(now, "all", mixedAll, func() { emit(w.all) })
	w.every(now, "poll", mixedPolls, func() {
		w.next++
		if p := w.gen.pollers[w.next%len(w.gen.pollers)]; p.idle() {
			p.ask()
		}
	})
	w.every(now, "churn", mixedChurn, func() {
		index := staying + w.churn%(len(w.gen.clients)-staying)
		w.churn++
		if c := w.gen.clients[index]; c.state == joined || c.state == ended {
			c.state = ended
			c.close()
			w.gen.connecting++
			if err := w.gen.connect(index); err != nil {
				w.gen.failure = err
			}
		}
	})
}

// every calls f as often as the rate demands.
func (w *mixed) every(now time.Duration, what string, rate int, f func()) {
	due, ok := w.due[what]
	if !ok {
		due = now
	}
	for ; due <= now; due += time.Second / time.Duration(rate) {
		f()
	}
	w.due[what] = due
}

// polling keeps one event of each polling client in flight.
type polling struct {
	quiet
	gen   *Generator
	begun bool
}

func (w *polling) begin() {
	w.begun = true
	for _, p := range w.gen.pollers {
		p.ask()
	}
}
