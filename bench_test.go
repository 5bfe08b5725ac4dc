package socketio_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// What an event with an acknowledgement costs, client included, one at a time and
// sixteen together.
func BenchmarkEcho(b *testing.B) {
	type body struct {
		Msg string `json:"msg"`
		N   int    `json:"n"`
	}
	io, url, _ := newServer(b, nil)
	io.On("echo", func(v body) body { return v })
	c, _ := wiretest.Join(b, url, "websocket", "/")
	const event, answer = `420["echo",{"msg":"hello","n":1}]`, `430[{"msg":"hello","n":1}]`
	for _, depth := range []int{1, 16} {
		packets := strings.Split(strings.Repeat(event+"\n", depth), "\n")[:depth]
		b.Run(fmt.Sprint(depth), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				c.Send(packets...)
				for range depth {
					c.Expect(answer)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*depth), "ns/event")
		})
	}
}

func BenchmarkBroadcast(b *testing.B) {
	io, url, _ := newServer(b, nil)
	const clients = 100
	for range clients {
		wiretest.Join(b, url, "websocket", "/")
	}
	text := strings.Repeat("x", 128)
	b.ReportAllocs()
	for b.Loop() {
		if err := io.Emit("m", text); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*clients), "ns/delivery")
}
