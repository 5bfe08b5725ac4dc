// Server is the bench server on our library. It prints the port that it listens
// on and carries out the commands of package proc until its input ends.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/bench/internal/proc"
	"github.com/seed96b07ef8/socketio/engine"
)

type message struct {
	Msg string `json:"msg"`
	N   int    `json:"n"`
}

type item struct {
	ID   int    `json:"id"`
	From string `json:"from"`
	Room string `json:"room"`
	Text string `json:"text"`
}

// report ignores errors of events whose clients have disconnected, which occur
// at the end of every run.
func report(_ *socketio.Socket, err error) {
	if !errors.Is(err, net.ErrClosed) {
		log.Print(err)
	}
}

// 128 bytes of JSON.
var news = item{4711, "somebody", "general", "the quick brown fox jumps over the lazy dog, and once more for it, again"}

func main() {
	interval := flag.Duration("ping-interval", 0, "the heartbeat's interval; 0 is the library's default")
	flag.Parse()

	io := socketio.NewServer(&socketio.Options{
		Engine:  engine.ServerOptions{PingInterval: *interval},
		OnError: report,
	})
	io.On("echo", func(m message) (message, error) { return m, nil })
	io.On("bin", func(b socketio.Borrowed) (socketio.Borrowed, error) { return b, nil })
	io.On("kept", func(b []byte) ([]byte, error) { return b, nil }) // it could keep them
	io.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
	io.On("bcast", func() error { return io.Emit("news", news) })
	io.On("room", func(s *socketio.Socket, room string) error { return io.To(room).Emit("news", news) })
	io.On("burst", func(n int) error {
		for range n {
			if err := io.Emit("news", news); err != nil {
				return err
			}
		}
		return nil
	})

	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io)
	go func() { log.Fatal(http.Serve(l, mux)) }() // until the process ends
	fmt.Println("listening", l.Addr().(*net.TCPAddr).Port)

	proc.Serve(map[string]func([]string) (string, error){
		"broadcast": func([]string) (string, error) {
			start := time.Now()
			err := io.Emit("news", news)
			return strconv.FormatInt(int64(time.Since(start)), 10), err
		},
		"memory": func([]string) (string, error) {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return fmt.Sprintf("heap=%d idle=%d stack=%d sys=%d objects=%d goroutines=%d",
				m.HeapInuse, m.HeapIdle-m.HeapReleased, m.StackInuse, m.MSpanInuse+m.MCacheInuse+m.GCSys+m.OtherSys+m.BuckHashSys,
				m.HeapObjects, runtime.NumGoroutine()), nil
		},
	})
}
