package proc

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"strings"
)

// Serve carries out the commands that arrive on standard input, each with a
// line as its answer, until the input ends, which means that the parent process
// has ended. The commands that every Go server has are added to those given.
func Serve(commands map[string]func(args []string) (string, error)) {
	all := map[string]func([]string) (string, error){
		"gc":          collect,
		"cpuprofile":  cpuProfile,
		"heapprofile": heapProfile,
	}
	maps.Copy(all, commands)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		words := strings.Fields(in.Text())
		if len(words) == 0 {
			continue
		}
		f := all[words[0]]
		if f == nil {
			fmt.Println("error unknown command")
			continue
		}
		answer, err := f(words[1:])
		if err != nil {
			fmt.Println("error", err)
			continue
		}
		fmt.Println(strings.TrimSpace("ok " + answer))
	}
}

func collect([]string) (string, error) {
	for range 2 { // the second one frees what pools hold
		debug.FreeOSMemory()
	}
	return "", nil
}

var profile *os.File

// cpuProfile starts a profile into a file, or without one, ends it.
func cpuProfile(args []string) (string, error) {
	if len(args) == 0 {
		pprof.StopCPUProfile()
		return "", profile.Close()
	}
	var err error
	if profile, err = os.Create(args[0]); err != nil {
		return "", err
	}
	return "", pprof.StartCPUProfile(profile)
}

func heapProfile(args []string) (string, error) {
	f, err := os.Create(args[0])
	if err != nil {
		return "", err
	}
	defer f.Close()
	return "", pprof.WriteHeapProfile(f)
}
