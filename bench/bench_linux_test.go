package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/bench/internal/load"
)

// The tests are the load generator's program, too, as the benchmark itself is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == generatorCommand {
		if load.Main() != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestRun takes every workload through our server and the floor, with a few
// clients and for a moment.
func TestRun(t *testing.T) {
	c := config{
		dir: ".", workloads: nil, subjects: []string{"ours", "floor"}, rounds: 1,
		warmup: 20 * time.Millisecond, duration: 100 * time.Millisecond, mixed: 200 * time.Millisecond,
		scale: 0.01, profiles: t.TempDir(), log: t.Output(),
	}
	for _, w := range workloads {
		if !w.extra || w.name == "mixed" {
			c.workloads = append(c.workloads, w)
		}
	}
	r, err := run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range c.workloads {
		for _, subject := range c.subjects {
			x := r.find(w.name, subject)
			switch {
			case x == nil:
				t.Errorf("%s, %s: no row", w.name, subject)
			case w.spec.Kind != "idle" && (x.CPUPerMsg <= 0 || x.P99 <= 0 || x.MsgsPerSec <= 0):
				t.Errorf("%s, %s: a figure is missing: %+v", w.name, subject, x)
			}
		}
	}

	for i, x := range r.Comparisons {
		if x.Workload != c.workloads[i].name || x.OursPerFloor <= 0 || x.NodePerOurs != 0 || x.Overhead != 0 {
			t.Errorf("comparison %+v", x)
		}
	}
	if len(r.Comparisons) != len(c.workloads) {
		t.Errorf("%d comparisons", len(r.Comparisons))
	}

	var table bytes.Buffer
	r.print(&table)
	if lines := strings.Count(table.String(), "\n"); lines < 2*len(c.workloads) {
		t.Errorf("the table has %d lines:\n%s", lines, &table)
	}
	var decoded struct{ Rows []map[string]any }
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &decoded); err != nil || len(decoded.Rows) != len(c.workloads)*2 {
		t.Errorf("%d rows in the JSON, %v", len(decoded.Rows), err)
	}
	for d := xml.NewDecoder(bytes.NewReader(r.chart())); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the chart is no XML: %v", err)
		}
	}
}

func smallCrowd(t *testing.T) *crowd {
	return &crowd{
		dir: ".", clients: 200, each: 120, interval: 50 * time.Millisecond, hold: 300 * time.Millisecond,
		patience: time.Minute, log: t.Output(),
	}
}

func TestCrowd(t *testing.T) {
	c := smallCrowd(t)
	r, err := c.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Held != 200 || r.Generators != 2 || r.Lost != 0 || r.BroadcastDelivered != 200 || r.PongsPerSec == 0 {
		t.Errorf("got %+v", r)
	}
}

// Where connecting takes too long, those that are held are measured all the same.
func TestCrowdStopped(t *testing.T) {
	c := smallCrowd(t)
	c.patience = 0
	r, err := c.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Held != 120 || r.Stopped == "" || r.BroadcastDelivered != 120 || r.PongsPerSec == 0 {
		t.Errorf("got %+v", r)
	}
}

// The ratios are those of the same round; what a round lacks does not count.
func TestComparisons(t *testing.T) {
	w, _ := workloadNamed("echo-1")
	r := newReport(&config{workloads: []workload{w}, subjects: []string{"ours", "node", "floor"}})
	for round, figures := range [][3]float64{{20, 40, 10}, {30, 90, 20}, {24, 0, 20}, {0, 30, 10}, {12, 21, 10}} {
		for i, subject := range r.subjects {
			if figures[i] > 0 {
				r.add(w, subject, &measurement{round: round, cpu: figures[i], p99: 2 * figures[i]})
			}
		}
	}
	want := comparison{
		Workload:     "echo-1",
		NodePerOurs:  2,    // of 2, 3, 1.75
		OursPerFloor: 1.35, // of 2, 1.5, 1.2, 1.2
		P99PerFloor:  1.35,
		Overhead:     0.14, // 0.35 of 2.5, since Node takes 3.5 floors: 4, 4.5, 3, 2.1
		Budget:       0.123,
	}
	if len(r.Comparisons) != 1 || r.Comparisons[0] != want {
		t.Errorf("got %+v, want %+v", r.Comparisons, want)
	}
}
