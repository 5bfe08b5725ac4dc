package main

import (
	"fmt"
	"strings"
	"testing"
)

// What the command emits arrives before it ends, with a server of Node, which drops what
// it reads together with the packet by which a socket leaves.
func TestLastEventsArrive(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"", "polling", "websocket"} {
		t.Run("over "+transport, func(t *testing.T) {
			t.Parallel()
			const rounds = 20
			srv := openNode(t, `const io = new Server(http); io.items = 0; io.on("connection", s => s.on("item", () => io.items++)); return io`)
			var flags []string
			if transport != "" {
				flags = []string{"--transport", transport}
			}
			for range rounds {
				run1(t, append([]string{"emit", srv.url, "item", "1", "--no-ack"}, flags...)...).want(t, exitOK, "", "")
			}
			if got := string(srv.run("io.items")); got != fmt.Sprint(rounds) {
				t.Errorf("%s of %d events of emit arrived", got, rounds)
			}
			for range rounds {
				in := strings.Repeat("item 1\n", 5)
				socketioIn(t, in, append([]string{"connect", srv.url}, flags...)...).want(t, exitOK, "item", "")
			}
			if got := string(srv.run("io.items")); got != fmt.Sprint(6*rounds) {
				t.Errorf("%s of %d events arrived", got, 6*rounds)
			}
		})
	}
}
