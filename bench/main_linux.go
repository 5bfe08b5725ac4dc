package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/seed96b07ef8/socketio/bench/internal/load"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == generatorCommand {
		if load.Main() != nil { // which has reported it
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx) // the processes have been ended by it
		}
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "million" {
		return commandMillion(ctx, args[1:])
	}
	c := config{log: os.Stderr}
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	names := flags.String("workload", strings.Join(defaultWorkloads(), ","), "what to measure; also idle-1k, idle-100k and mixed")
	subjects := flags.String("subjects", "ours,node,floor", "whom to measure")
	quick := flags.Bool("quick", false, "the essential workloads, three short rounds")
	output := flags.String("o", "", "write the results to this file, as JSON")
	chart := flags.String("svg", "", "write a chart of the results to this file")
	flags.IntVar(&c.rounds, "rounds", 5, "how often every subject takes its turn")
	flags.DurationVar(&c.warmup, "warmup", time.Second, "load before the measuring")
	flags.DurationVar(&c.duration, "duration", 3*time.Second, "what is measured, of a workload that has no end")
	flags.DurationVar(&c.mixed, "mixed-duration", time.Minute, "how long the mixed workload lasts")
	flags.Float64Var(&c.scale, "scale", 1, "a factor for the number of clients")
	flags.StringVar(&c.profiles, "profiles", "", "write CPU and heap profiles of our server into this directory")
	flags.StringVar(&c.dir, "dir", ".", "the directory of this module")
	_ = flags.Parse(args) // exits on errors
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *quick {
		set := make(map[string]bool)
		flags.Visit(func(f *flag.Flag) { set[f.Name] = true })
		if !set["workload"] {
			*names = "echo-1,echo-16,bcast-1000,burst,connect,idle"
		}
		if !set["rounds"] {
			c.rounds = 3
		}
		if !set["duration"] {
			c.duration = 2 * time.Second
		}
		if !set["warmup"] {
			c.warmup = 500 * time.Millisecond
		}
	}
	c.subjects = strings.Split(*subjects, ",")
	for name := range strings.SplitSeq(*names, ",") {
		w, ok := workloadNamed(name)
		if !ok {
			return fmt.Errorf("unknown workload %q", name)
		}
		c.workloads = append(c.workloads, w)
	}

	report, err := run(ctx, c)
	if report == nil {
		return err
	}
	report.print(os.Stdout)
	if *output != "" {
		if writeErr := report.writeJSON(*output); err == nil {
			err = writeErr
		}
	}
	if *chart != "" {
		if writeErr := os.WriteFile(*chart, report.chart(), 0o644); err == nil {
			err = writeErr
		}
	}
	return err
}
