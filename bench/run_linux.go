package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed96b07ef8/socketio/bench/internal/load"
	"github.com/seed96b07ef8/socketio/bench/internal/proc"
)

// config configures a run of the benchmark.
type config struct {
	dir              string
	workloads        []workload
	subjects         []string
	rounds           int
	warmup, duration time.Duration
	mixed            time.Duration
	scale            float64
	profiles         string
	log              io.Writer
}

// A workload is a line of the table.
type workload struct {
	name  string
	spec  load.Spec
	aim   aim
	extra bool // only on request
}

// An aim is a budget for our server, set before it was written, beside what Node and
// the floor took on the machine of that time: CPU time in us per message, or KiB per
// client. Only memory can be compared with what another machine takes.
type aim struct{ budget, node, floor float64 }

var workloads = []workload{
	{name: "echo-1", spec: load.Spec{Kind: "echo", Clients: 100, Depth: 1}, aim: aim{6.5, 17.9, 4.9}},
	{name: "echo-16", spec: load.Spec{Kind: "echo", Clients: 100, Depth: 16}, aim: aim{1.5, 10.5, 0.36}},
	{name: "bcast-1000", spec: load.Spec{Kind: "bcast", Clients: 1000}, aim: aim{3.8, 6.5, 3.4}},
	{name: "bcast-10", spec: load.Spec{Kind: "room", Clients: 5000, Room: 10}, aim: aim{8, 14, 6.6}},
	{name: "burst", spec: load.Spec{Kind: "burst", Clients: 1000, Burst: 8}, aim: aim{1.3, 6.3, 0.66}},
	{name: "poll-echo", spec: load.Spec{Kind: "poll", Clients: 200}, aim: aim{50, 71, 41}},
	{name: "bin-1k", spec: load.Spec{Kind: "bin", Event: "bin", Clients: 100, Depth: 16, Size: 1 << 10}, aim: aim{5, 21.9, 2.4}},
	{name: "bin-64k", spec: load.Spec{Kind: "bin", Event: "bin", Clients: 100, Depth: 1, Size: 64 << 10}, aim: aim{27, 52.7, 23.3}},
	{name: "connect", spec: load.Spec{Kind: "connect", Clients: 3000}, aim: aim{90, 370, 65}},
	{name: "idle", spec: load.Spec{Kind: "idle", Clients: 10_000}, aim: aim{budget: 3}},
	{name: "bin-64k-kept", spec: load.Spec{Kind: "bin", Event: "kept", Clients: 100, Depth: 1, Size: 64 << 10}, extra: true},
	{name: "idle-1k", spec: load.Spec{Kind: "idle", Clients: 1000}, aim: aim{budget: 3}, extra: true},
	{name: "idle-100k", spec: load.Spec{Kind: "idle", Clients: 100_000}, aim: aim{budget: 3}, extra: true},
	{name: "mixed", spec: load.Spec{Kind: "mixed", Clients: 2000, Room: 10, Pollers: 100}, extra: true},
}

func defaultWorkloads() []string {
	var names []string
	for _, w := range workloads {
		if !w.extra {
			names = append(names, w.name)
		}
	}
	return names
}

func workloadNamed(name string) (workload, bool) {
	i := slices.IndexFunc(workloads, func(w workload) bool { return w.name == name })
	if i < 0 {
		return workload{}, false
	}
	return workloads[i], true
}

// Clients that connect at the same time.
const window = 64

func (c *config) scaled(w workload) load.Spec {
	s := w.spec
	s.Clients = max(1, int(float64(s.Clients)*c.scale))
	if s.Room > 0 {
		s.Clients = max(2*s.Room, s.Clients/s.Room*s.Room)
	}
	s.Pollers = int(float64(s.Pollers) * c.scale)
	s.Warmup, s.Duration, s.Window = c.warmup, c.duration, window
	if s.Kind == "mixed" {
		s.Pollers = max(1, s.Pollers)
		s.Duration = c.mixed
	}
	return s
}

// measurement is the outcome of one run of one subject.
type measurement struct {
	round      int
	cpu        float64 // us per message
	p50, p99   float64 // ms
	rate       float64 // messages per second
	kib        float64 // per client
	growth     float64 // of kib while it was measured
	disconnect float64 // us of CPU time per client
	own, other float64 // CPUs that the generator and the rest of the machine kept busy
}

// run takes all measurements. It returns a report together with an error when
// only some of them failed.
func run(ctx context.Context, c config) (*report, error) {
	if _, err := proc.MaxFiles(1 << 20); err != nil {
		return nil, err
	}
	bin, err := os.MkdirTemp("", "socketio-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(bin)
	commands, err := prepare(ctx, &c, bin)
	if err != nil {
		return nil, err
	}
	if c.profiles != "" {
		if err := os.MkdirAll(c.profiles, 0o755); err != nil {
			return nil, err
		}
		if c.profiles, err = filepath.Abs(c.profiles); err != nil { // the servers run elsewhere
			return nil, err
		}
	}
	r := newReport(&c)
	var errs []error
	for round := range c.rounds {
		for _, w := range c.workloads {
			for i := range c.subjects {
				subject := c.subjects[(i+round)%len(c.subjects)]
				m, err := measure(ctx, &c, w, subject, commands[subject])
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				if err != nil {
					err = fmt.Errorf("%s, %s, round %d: %w", w.name, subject, round+1, err)
					fmt.Fprintln(c.log, err)
					errs = append(errs, err)
					continue
				}
				m.round = round
				fmt.Fprintf(c.log, "round %d/%d  %-10s %-5s %s\n", round+1, c.rounds, w.name, subject, m.line(w))
				r.add(w, subject, m)
			}
		}
	}
	return r, errors.Join(errs...)
}

// prepare builds the servers, and returns how they are started.
func prepare(ctx context.Context, c *config, bin string) (map[string][]string, error) {
	commands := make(map[string][]string)
	for _, subject := range c.subjects {
		var err error
		switch subject {
		case "ours":
			commands[subject] = []string{filepath.Join(bin, "server")}
			err = execute(ctx, c.dir, "go", "build", "-o", bin, "./server")
		case "floor", "floor-direct":
			commands[subject] = []string{filepath.Join(bin, "floor")}
			if subject == "floor-direct" {
				commands[subject] = append(commands[subject], "-direct")
			}
			err = execute(ctx, c.dir, "go", "build", "-o", bin, "./floor")
		case "node":
			dir := filepath.Join(c.dir, "node")
			if _, statErr := os.Stat(filepath.Join(dir, "node_modules", "socket.io")); statErr != nil {
				err = execute(ctx, dir, "npm", "ci", "--no-audit", "--no-fund")
			}
			commands[subject] = []string{"node", "--expose-gc", filepath.Join("node", "server.mjs")}
		default:
			if filepath.IsAbs(subject) { // a build of our server, or something like it
				commands[subject] = []string{subject}
				break
			}
			err = fmt.Errorf("unknown subject %q", subject)
		}
		if err != nil {
			return nil, err
		}
	}
	return commands, nil
}

func execute(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

// measure runs one subject under one workload.
func measure(ctx context.Context, c *config, w workload, subject string, command []string) (*measurement, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute+c.mixed)
	defer cancel()
	if strings.HasPrefix(subject, "floor") && w.spec.Kind == "burst" {
		command = append(slices.Clip(command), "-writers")
	}
	s, err := startServer(ctx, c.dir, command)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	spec := c.scaled(w)
	spec.Addrs, spec.PIDs = []string{"127.0.0.1:" + s.port}, []int{s.pid()}
	file := ""
	if c.profiles != "" && subject == "ours" {
		file = filepath.Join(c.profiles, w.name)
	}
	if spec.Kind == "idle" {
		return measureIdle(ctx, s, spec, file)
	}

	before, err := memory(s)
	if err != nil {
		return nil, err
	}
	g, err := startGenerator(ctx, spec)
	if err != nil {
		return nil, err
	}
	defer g.stop()
	if _, err := g.event("measure"); err != nil {
		return nil, err
	}
	begun := before
	if spec.Kind == "mixed" {
		if begun, err = memory(s); err != nil {
			return nil, err
		}
	}
	if file != "" {
		if _, err := s.do("cpuprofile " + file + ".cpu"); err != nil {
			return nil, err
		}
	}
	e, err := g.event("measured")
	if err != nil {
		return nil, err
	}
	if file != "" {
		for _, command := range []string{"cpuprofile", "heapprofile " + file + ".heap"} {
			if _, err := s.do(command); err != nil {
				return nil, err
			}
		}
	}
	r := e.Result
	if r.Messages == 0 {
		return nil, errors.New("there were no messages")
	}
	m := &measurement{
		cpu:        micros(r.ServerCPU) / float64(r.Messages),
		p50:        r.P50.Seconds() * 1000,
		p99:        r.P99.Seconds() * 1000,
		rate:       float64(r.Messages) / r.Elapsed.Seconds(),
		own:        r.OwnCPU.Seconds() / r.Elapsed.Seconds(),
		other:      r.OtherCPU.Seconds() / r.Elapsed.Seconds(),
		disconnect: micros(r.DisconnectCPU) / float64(spec.Clients),
	}
	if spec.Kind == "mixed" {
		after, err := memory(s)
		if err != nil {
			return nil, err
		}
		clients := float64(spec.Clients + spec.Pollers)
		m.kib = float64(after-before) / 1024 / clients
		m.growth = float64(after-begun) / 1024 / clients
	}
	return m, nil
}

func micros(d time.Duration) float64 { return float64(d) / 1000 }

// memory returns the resident memory of a server after a collection.
func memory(s *server) (int64, error) {
	if _, err := s.do("gc"); err != nil {
		return 0, err
	}
	return proc.RSS(s.pid())
}

// measureIdle measures the memory that idle clients cost.
func measureIdle(ctx context.Context, s *server, spec load.Spec, file string) (*measurement, error) {
	limit, err := proc.MaxFiles(0)
	if err != nil {
		return nil, err
	}
	usable := int(limit) - reservedFiles
	if spec.Clients > usable {
		return nil, fmt.Errorf("the server needs %d descriptors, but the limit is %d", spec.Clients, limit)
	}
	before, err := memory(s)
	if err != nil {
		return nil, err
	}
	for rest, i := spec.Clients, 1; rest > 0; i++ {
		one := spec
		one.Clients = min(rest, clientsPerAddress, usable)
		rest -= one.Clients
		one.Addrs = []string{fmt.Sprintf("127.0.1.%d:%s", i, s.port)}
		g, err := startGenerator(ctx, one)
		if err != nil {
			return nil, err
		}
		defer g.stop()
		e, err := g.event("held")
		if err != nil {
			return nil, err
		}
		if e.Stat.Clients != one.Clients {
			return nil, fmt.Errorf("%d of %d clients connected: %s", e.Stat.Clients, one.Clients, e.Stat.Stopped)
		}
	}
	time.Sleep(time.Second) // wait for work that connecting has started
	after, err := memory(s)
	if err != nil {
		return nil, err
	}
	if file != "" {
		if _, err := s.do("heapprofile " + file + ".heap"); err != nil {
			return nil, err
		}
		detail, err := s.do("memory")
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(file+".memory", []byte(strings.ReplaceAll(detail, " ", "\n")+"\n"), 0o644); err != nil {
			return nil, err
		}
	}
	return &measurement{kib: float64(after-before) / 1024 / float64(spec.Clients)}, nil
}

const (
	// reservedFiles are the descriptors that a process needs besides those of
	// its clients.
	reservedFiles = 64
	// clientsPerAddress is what the usual range of ephemeral ports allows.
	clientsPerAddress = 25_000
)
