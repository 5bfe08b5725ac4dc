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

	var table bytes.Buffer
	r.print(&table)
	if lines := strings.Count(table.String(), "\n"); lines < len(c.workloads) {
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

func TestCrowd(t *testing.T) {
	c := &crowd{dir: ".", clients: 200, each: 120, interval: 50 * time.Millisecond, hold: 300 * time.Millisecond, log: t.Output()}
	r, err := c.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Held != 200 || r.Generators != 2 || r.Lost != 0 || r.BroadcastDelivered != 200 || r.PongsPerSec == 0 {
		t.Errorf("got %+v", r)
	}
}
