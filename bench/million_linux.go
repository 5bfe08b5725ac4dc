package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/seed96b07ef8/socketio/bench/internal/load"
	"github.com/seed96b07ef8/socketio/bench/internal/proc"
)

// crowd is the run with very many idle clients on one machine.
type crowd struct {
	dir      string
	clients  int
	each     int           // clients of a generator, at most
	reserve  int64         // memory that has to stay available
	interval time.Duration // of the heartbeat
	hold     time.Duration // while which the heartbeat is measured
	patience time.Duration // after which no further generator is started
	log      io.Writer

	limit      uint64 // of descriptors
	servers    []*server
	generators []*generator
}

// crowdReport is the result. Memory is in KiB per client.
type crowdReport struct {
	Wanted int `json:"clients_wanted"`
	Held   int `json:"clients_held"`
	// Stopped says what kept further clients away, and Sharded why there is more
	// than one server process.
	Stopped string `json:"stopped,omitempty"`
	Sharded string `json:"sharded,omitempty"`

	Servers        int     `json:"server_processes"`
	Generators     int     `json:"generator_processes"`
	ConnectSeconds float64 `json:"connect_s"`
	ConnectCPU     float64 `json:"connect_cpu_us"`

	ServerKiB    float64 `json:"server_kib_per_client"`
	ServerGCKiB  float64 `json:"server_kib_per_client_after_gc"`
	KernelKiB    float64 `json:"kernel_kib_per_client"`
	GeneratorKiB float64 `json:"generator_kib_per_client"`

	PingInterval  float64 `json:"ping_interval_s"`
	PongsPerSec   float64 `json:"pongs_per_s"`
	HeartbeatCPUs float64 `json:"heartbeat_cpus"`
	HeartbeatCPU  float64 `json:"heartbeat_cpu_us"`
	Lost          int     `json:"clients_lost"`

	BroadcastDelivered int     `json:"broadcast_delivered"`
	BroadcastSeconds   float64 `json:"broadcast_s"`
	BroadcastCPU       float64 `json:"broadcast_cpu_us_per_delivery"`
}

func commandMillion(ctx context.Context, args []string) error {
	c := &crowd{log: os.Stderr}
	flags := flag.NewFlagSet("bench million", flag.ExitOnError)
	flags.IntVar(&c.clients, "clients", 1_000_000, "how many clients")
	flags.IntVar(&c.each, "each", 50_000, "how many clients one generator has at most")
	reserve := flags.Int64("reserve", 1536, "MiB of memory that have to stay available")
	flags.DurationVar(&c.interval, "ping-interval", 25*time.Second, "the heartbeat's interval")
	flags.DurationVar(&c.hold, "hold", time.Minute, "how long the heartbeat is measured")
	flags.DurationVar(&c.patience, "patience", 20*time.Minute, "how long clients are connected; those that are held then are measured")
	flags.StringVar(&c.dir, "dir", ".", "the directory of this module")
	output := flags.String("o", "", "write the results to this file, as JSON")
	_ = flags.Parse(args) // exits on errors
	c.reserve = *reserve << 20

	r, err := c.run(ctx)
	if err != nil {
		return err
	}
	r.print(os.Stdout)
	if *output == "" {
		return nil
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(*output, append(b, '\n'), 0o644)
}

func (c *crowd) run(ctx context.Context) (*crowdReport, error) {
	var err error
	if c.limit, err = proc.MaxFiles(uint64(c.clients) + 1000); err != nil {
		return nil, err
	}
	bin, err := os.MkdirTemp("", "socketio-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(bin)
	if err := execute(ctx, c.dir, "go", "build", "-o", bin, "./server"); err != nil {
		return nil, err
	}
	defer c.stop()

	r := &crowdReport{Wanted: c.clients, PingInterval: c.interval.Seconds()}
	perServer := int(c.limit) - reservedFiles
	r.Servers = (c.clients + perServer - 1) / perServer
	if r.Servers > 1 {
		r.Sharded = fmt.Sprintf("the limit of %d descriptors per process cannot be raised here", c.limit)
	}
	for range r.Servers {
		s, err := startServer(ctx, c.dir, []string{filepath.Join(bin, "server"), "-ping-interval", c.interval.String()})
		if err != nil {
			return nil, err
		}
		c.servers = append(c.servers, s)
	}
	before, err := c.usage()
	if err != nil {
		return nil, err
	}

	start := time.Now()
	if err := c.connect(ctx, r, perServer); err != nil {
		return nil, err
	}
	if r.Held == 0 {
		return nil, errors.New("no client was connected: " + r.Stopped)
	}
	r.Generators = len(c.generators)
	r.ConnectSeconds = round(time.Since(start).Seconds())
	connected, err := c.usage()
	if err != nil {
		return nil, err
	}
	each := func(n int64) float64 { return round(float64(n) / 1024 / float64(r.Held)) }
	r.ConnectCPU = round(micros(connected.cpu-before.cpu) / float64(r.Held))
	r.ServerKiB = each(connected.server - before.server)

	if err := c.heartbeat(ctx, r); err != nil {
		return nil, err
	}
	for _, s := range c.servers {
		if _, err := s.do("gc"); err != nil {
			return nil, err
		}
	}
	collected, err := c.usage()
	if err != nil {
		return nil, err
	}
	r.ServerGCKiB = each(collected.server - before.server)
	r.KernelKiB = each(collected.kernel - before.kernel)
	r.GeneratorKiB = each(collected.generator)
	return r, c.broadcast(ctx, r)
}

// usage is what the processes, and the kernel, use at a moment.
type usage struct {
	cpu                       time.Duration // of the servers
	server, generator, kernel int64         // memory
}

func (c *crowd) usage() (u usage, err error) {
	for _, s := range c.servers {
		cpu, err1 := proc.CPU(s.pid())
		rss, err2 := proc.RSS(s.pid())
		u.cpu += cpu
		u.server += rss
		err = errors.Join(err, err1, err2)
	}
	for _, g := range c.generators {
		rss, err1 := proc.RSS(g.pid())
		u.generator += rss
		err = errors.Join(err, err1)
	}
	kernel, err1 := proc.Kernel()
	u.kernel = kernel
	return u, errors.Join(err, err1)
}

// Generators that connect their clients at the same time.
const connectingGenerators = 2

// connect starts the generators, which connect their clients.
func (c *crowd) connect(ctx context.Context, r *crowdReport, perServer int) error {
	var specs []load.Spec
	for i, rest := 0, c.clients; rest > 0; i++ {
		share := min(rest, perServer)
		rest -= share
		for share > 0 {
			spec := load.Spec{
				Kind: "idle", Clients: min(share, c.each, perServer), Window: window, Reserve: c.reserve,
			}
			share -= spec.Clients
			for a := 1; (a-1)*clientsPerAddress < spec.Clients; a++ {
				spec.Addrs = append(spec.Addrs, fmt.Sprintf("127.%d.%d.%d:%s", 1+len(specs)/250, 1+len(specs)%250, a, c.servers[i].port))
			}
			specs = append(specs, spec)
		}
	}

	var mu sync.Mutex // guards r, c.generators and failure
	var failure error
	var wg sync.WaitGroup
	slots := make(chan struct{}, connectingGenerators)
	start := time.Now()
	for i, spec := range specs {
		slots <- struct{}{}
		mu.Lock()
		if i > 0 && r.Stopped == "" && time.Since(start) > c.patience {
			r.Stopped = fmt.Sprintf("connecting took longer than %v", c.patience)
		}
		stop := failure != nil || r.Stopped != ""
		mu.Unlock()
		if stop {
			break
		}
		g, err := startGenerator(ctx, spec)
		mu.Lock()
		if err != nil {
			failure = errors.Join(failure, err)
			mu.Unlock()
			break
		}
		c.generators = append(c.generators, g)
		mu.Unlock()
		wg.Go(func() { // ends with the event, or with the generator
			defer func() { <-slots }()
			e, err := g.event("held")
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failure = errors.Join(failure, err)
				return
			}
			r.Held += e.Stat.Clients
			if r.Stopped == "" {
				r.Stopped = e.Stat.Stopped
			}
			available, _ := proc.Meminfo("MemAvailable:")
			fmt.Fprintf(c.log, "generator %d/%d: %d clients held, %d MiB available\n", i+1, len(specs), r.Held, available>>20)
		})
	}
	wg.Wait()
	return failure
}

// stats adds up what the generators say.
func (c *crowd) stats() (sum load.Stat, err error) {
	for _, g := range c.generators {
		s, err := g.stat()
		if err != nil {
			return sum, err
		}
		sum.Clients += s.Clients
		sum.Lost += s.Lost
		sum.Pongs += s.Pongs
		sum.Deliveries += s.Deliveries
		if s.Last.After(sum.Last) {
			sum.Last = s.Last
		}
	}
	return sum, nil
}

func (c *crowd) cpu() (sum time.Duration, err error) {
	for _, s := range c.servers {
		d, err1 := proc.CPU(s.pid())
		sum += d
		err = errors.Join(err, err1)
	}
	return sum, err
}

// heartbeat measures the servers while nothing happens but pings and pongs.
func (c *crowd) heartbeat(ctx context.Context, r *crowdReport) error {
	fmt.Fprintf(c.log, "measuring the heartbeat for %v\n", c.hold)
	before, err := c.stats()
	if err != nil {
		return err
	}
	cpuBefore, err := c.cpu()
	if err != nil {
		return err
	}
	start := time.Now()
	select {
	case <-time.After(c.hold):
	case <-ctx.Done():
		return ctx.Err()
	}
	cpuAfter, err := c.cpu()
	if err != nil {
		return err
	}
	elapsed := time.Since(start).Seconds()
	after, err := c.stats()
	if err != nil {
		return err
	}
	pongs := float64(after.Pongs - before.Pongs)
	r.PongsPerSec = round(pongs / elapsed)
	r.HeartbeatCPUs = round((cpuAfter - cpuBefore).Seconds() / elapsed)
	if pongs > 0 {
		r.HeartbeatCPU = round(micros(cpuAfter-cpuBefore) / pongs)
	}
	r.Lost = after.Lost
	return nil
}

// A broadcast is given up after this time.
const broadcastTimeout = 2 * time.Minute

// broadcast measures how long it takes until all have received a message.
func (c *crowd) broadcast(ctx context.Context, r *crowdReport) error {
	fmt.Fprintln(c.log, "broadcasting to all")
	before, err := c.stats()
	if err != nil {
		return err
	}
	cpuBefore, err := c.cpu()
	if err != nil {
		return err
	}
	start := time.Now()
	errs := make([]error, len(c.servers))
	var wg sync.WaitGroup
	for i, s := range c.servers {
		wg.Go(func() { _, errs[i] = s.do("broadcast") })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for ctx.Err() == nil {
		now, err := c.stats()
		if err != nil {
			return err
		}
		r.BroadcastDelivered = int(now.Deliveries - before.Deliveries)
		if r.BroadcastDelivered >= now.Clients || time.Since(start) > broadcastTimeout {
			r.BroadcastSeconds = round(now.Last.Sub(start).Seconds())
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	cpuAfter, err := c.cpu()
	if err != nil {
		return err
	}
	r.BroadcastCPU = round(micros(cpuAfter-cpuBefore) / float64(max(1, r.BroadcastDelivered)))
	return ctx.Err()
}

func (c *crowd) stop() {
	for _, g := range c.generators {
		g.stop()
	}
	for _, s := range c.servers {
		s.stop()
	}
}

func (r *crowdReport) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	line("clients held", "%d of %d", r.Held, r.Wanted)
	if r.Stopped != "" {
		line("stopped because", "%s", r.Stopped)
	}
	processes := fmt.Sprintf("%d server, %d generators", r.Servers, r.Generators)
	if r.Sharded != "" {
		processes = strings.Replace(processes, "server", "servers", 1) + "; " + r.Sharded
	}
	line("processes", "%s", processes)
	line("connecting", "%.0f s, %.0f us of server CPU per client", r.ConnectSeconds, r.ConnectCPU)
	line("server memory", "%.2f KiB per client, %.2f after a collection", r.ServerKiB, r.ServerGCKiB)
	line("kernel memory", "%.2f KiB per client, both ends", r.KernelKiB)
	line("generator memory", "%.2f KiB per client", r.GeneratorKiB)
	line("heartbeat", "%.0f per second at an interval of %.0f s: %.2f CPUs, %.1f us each; %d clients lost",
		r.PongsPerSec, r.PingInterval, r.HeartbeatCPUs, r.HeartbeatCPU, r.Lost)
	line("broadcast to all", "%.2f s to the last of %d, %.2f us of server CPU each", r.BroadcastSeconds, r.BroadcastDelivered, r.BroadcastCPU)
	w.Flush()
}
