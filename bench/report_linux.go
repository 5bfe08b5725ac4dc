package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A report holds the medians of all rounds.
type report struct {
	Date string `json:"date"`
	CPUs int    `json:"cpus"`
	Go   string `json:"go"`
	Node string `json:"node,omitempty"`
	Rows []row  `json:"rows"`
	// Comparisons are there for the workloads under which ours, and Node or the floor,
	// were measured.
	Comparisons []comparison `json:"comparisons,omitempty"`

	workloads []workload
	subjects  []string
	taken     map[string][]*measurement // by workload and subject
}

// A row is one subject under one workload: medians.
type row struct {
	Workload string `json:"workload"`
	Subject  string `json:"subject"`
	Rounds   int    `json:"rounds"`

	CPUPerMsg float64 `json:"cpu_us_per_msg,omitempty"`
	// CPUMin and CPUMax are the extremes of the rounds.
	CPUMin       float64 `json:"cpu_us_per_msg_min,omitempty"`
	CPUMax       float64 `json:"cpu_us_per_msg_max,omitempty"`
	P50          float64 `json:"p50_ms,omitempty"`
	P99          float64 `json:"p99_ms,omitempty"`
	MsgsPerSec   float64 `json:"msgs_per_s,omitempty"`
	KiBPerClient float64 `json:"kib_per_client,omitempty"`
	// Growth is that of KiBPerClient while the mixed workload was measured.
	Growth float64 `json:"growth_kib_per_client,omitempty"`
	// Disconnect is the CPU time to get rid of a client.
	Disconnect float64 `json:"disconnect_cpu_us,omitempty"`
	// Generator and Other are the CPUs that the generator, and everything else on
	// the machine, kept busy.
	Generator float64 `json:"generator_cpus,omitempty"`
	Other     float64 `json:"other_cpus,omitempty"`
}

// A comparison compares our server with the others under a workload: medians of
// the ratios of the rounds.
type comparison struct {
	Workload     string  `json:"workload"`
	NodePerOurs  float64 `json:"node_per_ours,omitempty"`
	OursPerFloor float64 `json:"ours_per_floor,omitempty"`
	P99PerFloor  float64 `json:"p99_ours_per_floor,omitempty"`
	// Overhead is what ours adds to the floor, as a share of what Node adds, and
	// Budget what it may be.
	Overhead float64 `json:"overhead,omitempty"`
	Budget   float64 `json:"overhead_budget,omitempty"`
}

func newReport(c *config) *report {
	r := &report{
		Date: time.Now().UTC().Format(time.DateOnly), CPUs: runtime.NumCPU(), Go: runtime.Version(),
		workloads: c.workloads, subjects: c.subjects, taken: make(map[string][]*measurement),
	}
	if slices.Contains(c.subjects, "node") {
		if out, err := exec.Command("node", "--version").Output(); err == nil {
			r.Node = strings.TrimSpace(string(out))
		}
	}
	return r
}

func (r *report) add(w workload, subject string, m *measurement) {
	key := w.name + " " + subject
	r.taken[key] = append(r.taken[key], m)
	r.Rows, r.Comparisons = r.rows(), r.comparisons()
}

func (r *report) comparisons() (all []comparison) {
	for _, w := range r.workloads {
		c := comparison{
			Workload:     w.name,
			NodePerOurs:  r.ratio(w.name, "node", "ours", primary),
			OursPerFloor: r.ratio(w.name, "ours", "floor", primary),
			P99PerFloor:  r.ratio(w.name, "ours", "floor", func(m *measurement) float64 { return m.p99 }),
		}
		if c.NodePerOurs == 0 && c.OursPerFloor == 0 {
			continue
		}
		// Of memory there is no floor that something is added to.
		if c.NodePerOurs > 0 && c.OursPerFloor > 0 && w.aim.floor > 0 {
			c.Overhead = round(overhead(c.OursPerFloor, r.ratio(w.name, "node", "floor", primary), 1))
			c.Budget = round(overhead(w.aim.budget, w.aim.node, w.aim.floor))
		}
		all = append(all, c)
	}
	return all
}

func (r *report) rows() []row {
	var rows []row
	for _, w := range r.workloads {
		for _, subject := range r.subjects {
			all := r.taken[w.name+" "+subject]
			if len(all) == 0 {
				continue
			}
			figure := func(f func(*measurement) float64) []float64 {
				values := make([]float64, len(all))
				for i, m := range all {
					values[i] = f(m)
				}
				slices.Sort(values)
				return values
			}
			cpu := figure(func(m *measurement) float64 { return m.cpu })
			rows = append(rows, row{
				Workload: w.name, Subject: subject, Rounds: len(all),
				CPUPerMsg:    median(cpu),
				CPUMin:       round(cpu[0]),
				CPUMax:       round(cpu[len(cpu)-1]),
				P50:          median(figure(func(m *measurement) float64 { return m.p50 })),
				P99:          median(figure(func(m *measurement) float64 { return m.p99 })),
				MsgsPerSec:   math.Round(median(figure(func(m *measurement) float64 { return m.rate }))),
				KiBPerClient: median(figure(func(m *measurement) float64 { return m.kib })),
				Growth:       median(figure(func(m *measurement) float64 { return m.growth })),
				Disconnect:   median(figure(func(m *measurement) float64 { return m.disconnect })),
				Generator:    median(figure(func(m *measurement) float64 { return m.own })),
				Other:        median(figure(func(m *measurement) float64 { return m.other })),
			})
		}
	}
	return rows
}

// median returns the median of sorted values.
func median(values []float64) float64 {
	n := len(values)
	return round((values[(n-1)/2] + values[n/2]) / 2)
}

// round rounds to the precision of the measurements.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }

func (r *report) find(workload, subject string) *row {
	i := slices.IndexFunc(r.Rows, func(x row) bool { return x.Workload == workload && x.Subject == subject })
	if i < 0 {
		return nil
	}
	return &r.Rows[i]
}

// primary returns the main figure of a workload.
func (x *row) primary() float64 {
	if x == nil {
		return 0
	}
	if x.CPUPerMsg > 0 {
		return x.CPUPerMsg
	}
	return x.KiBPerClient
}

func unit(w workload) string {
	switch w.spec.Kind {
	case "idle":
		return "KiB/client"
	case "connect":
		return "us/client"
	}
	return "us/msg"
}

// print writes the tables: the figures, and how they compare.
func (r *report) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "workload\tunit\t" + strings.Join(r.subjects, "\t") + "\t"
	for _, subject := range r.subjects {
		head += "p99 ms: " + subject + "\t"
	}
	fmt.Fprintln(w, head)
	for _, x := range r.workloads {
		fmt.Fprintf(w, "%s\t%s\t", x.name, unit(x))
		for _, subject := range r.subjects {
			fmt.Fprintf(w, "%s\t", figure(r.find(x.name, subject).primary()))
		}
		for _, subject := range r.subjects {
			fmt.Fprintf(w, "%s\t", figure(r.find(x.name, subject).p99()))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
	head = "workload\tnode/ours\taim\tours/floor\taim\toverhead\taim\tmemory: aim\tp99: ours/floor\t"
	for _, subject := range r.others() {
		head += subject + "/ours\t"
	}
	fmt.Fprintln(w, head)
	for _, c := range r.Comparisons {
		x, _ := workloadNamed(c.Workload)
		memory := x.aim.budget
		if x.aim.floor > 0 {
			memory = 0
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t", c.Workload,
			figure(c.NodePerOurs), figure(ratio(x.aim.node, x.aim.budget)), figure(c.OursPerFloor), figure(ratio(x.aim.budget, x.aim.floor)),
			percent(c.Overhead), percent(c.Budget), figure(memory), figure(c.P99PerFloor))
		for _, subject := range r.others() {
			fmt.Fprintf(w, "%s\t", figure(r.ratio(c.Workload, subject, "ours", primary)))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	for _, x := range r.Rows {
		if x.Other > 0.2 {
			fmt.Fprintf(out, "note: while %s was measured on %s, %.1f CPUs were busy with something else\n", x.Subject, x.Workload, x.Other)
		}
		if x.Generator > 0.95 && x.P99 > 0 {
			fmt.Fprintf(out, "note: the generator was busy (%.2f CPUs) with %s on %s: its latencies and rates say little\n", x.Generator, x.Subject, x.Workload)
		}
		if x.Disconnect > 0 {
			fmt.Fprintf(out, "note: a disconnect costs %s %.0f us\n", x.Subject, x.Disconnect)
		}
	}
}

// others returns the subjects besides the usual ones.
func (r *report) others() []string {
	return slices.DeleteFunc(slices.Clone(r.subjects), func(s string) bool { return s == "ours" || s == "node" || s == "floor" })
}

func (x *row) p99() float64 {
	if x == nil {
		return 0
	}
	return x.P99
}

func primary(m *measurement) float64 {
	if m.cpu > 0 {
		return m.cpu
	}
	return m.kib
}

// ratio returns the median of the rounds' ratios of a figure of a to that of b, which
// the state of the machine distorts less than the ratio of the medians.
func (r *report) ratio(workload, a, b string, figure func(*measurement) float64) float64 {
	var ratios []float64
	for _, x := range r.taken[workload+" "+a] {
		for _, y := range r.taken[workload+" "+b] {
			if x.round == y.round && figure(y) > 0 {
				ratios = append(ratios, figure(x)/figure(y))
			}
		}
	}
	if len(ratios) == 0 {
		return 0
	}
	slices.Sort(ratios)
	return median(ratios)
}

// overhead returns what ours adds to the floor, as a share of what Node adds.
func overhead(ours, node, floor float64) float64 {
	if node == floor {
		return 0
	}
	return (ours - floor) / (node - floor)
}

func percent(v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*v)
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// figure formats three digits, or nothing for what was not measured.
func figure(v float64) string {
	switch {
	case v == 0:
		return "-"
	case v < 1:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.3g", v)
	default:
		return fmt.Sprintf("%.0f", v)
	}
}

// line describes a measurement while the benchmark is running.
func (m *measurement) line(w workload) string {
	if w.spec.Kind == "idle" {
		return fmt.Sprintf("%s KiB/client", figure(m.kib))
	}
	s := fmt.Sprintf("%s %s  p50 %s ms  p99 %s ms  %.0f/s  generator %.2f CPU  other %.2f CPU", figure(m.cpu), unit(w),
		figure(m.p50), figure(m.p99), m.rate, m.own, m.other)
	if m.kib > 0 {
		s += fmt.Sprintf("  %.1f KiB/client (%+.1f meanwhile)", m.kib, m.growth)
	}
	return s
}

func (r *report) writeJSON(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}
