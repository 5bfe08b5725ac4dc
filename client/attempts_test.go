package client_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// patient returns options of a client that makes three attempts to reconnect, after
// 1, 2 and 4 seconds.
func patient(f *fake) *client.Options {
	o := overWebSocket.options(f.Server)
	o.ReconnectDelay, o.RandomizationFactor, o.ReconnectAttempts = time.Second, -1, 3
	return o
}

// A server that accepts connections and drops them is given up like one that cannot
// be reached.
func TestAttemptsCountUntilASocketIsAdmitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, func(c *engine.Conn, _ string) { c.Close() })
		c := client.New(f.URL, patient(f))
		end(t, c.Manager())
		d := keepDiary(c)
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if c.Active() || len(f.conns) != 4 {
			t.Errorf("active %v, %d connections", c.Active(), len(f.conns))
		}
		d.expect(t,
			"0s open", "0s close transport close", "0s connect error, active true",
			"1s attempt 1", "1s open", "1s reconnect 1", "1s close transport close", "1s connect error, active true",
			"3s attempt 2", "3s open", "3s reconnect 2", "3s close transport close", "3s connect error, active true",
			"7s attempt 3", "7s open", "7s reconnect 3", "7s close transport close", "7s connect error, active false",
			"7s failed",
		)
		// Connect begins anew.
		start := time.Now()
		if err := c.Connect(t.Context()); err == nil || time.Since(start) > 0 || len(f.conns) != 5 {
			t.Errorf("%v after %v, %d connections", err, time.Since(start), len(f.conns))
		}
	})
}

// So is one that opens no session that lasts, for a manager without a socket.
func TestAttemptsCountUntilAPing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, nil)
		m := client.NewManager(f.URL, patient(f))
		end(t, m)
		var attempts list[int]
		m.OnReconnectAttempt(func(n int) { attempts.add(n) })
		gaveUp := make(chan bool, 1)
		m.OnReconnectFailed(func() { gaveUp <- true })
		if err := m.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		lives := []time.Duration{time.Minute, 10 * time.Second, time.Minute, 0, 0, 0} // a ping arrives after 25 s
		for _, life := range lives {
			conn := <-f.conns
			time.Sleep(life)
			conn.Close()
		}
		<-gaveUp
		if got, want := attempts.get(), []int{1, 2, 1, 2, 3}; !slices.Equal(got, want) {
			t.Errorf("attempts %v, want %v", got, want)
		}
	})
}

// An admitted socket makes the next attempt the first again.
func TestAttemptsCountAnewAfterAdmission(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		f := newFake(t, func(c *engine.Conn, _ string) {
			if n++; n%3 == 1 {
				say(c, granted)
			}
			c.Close()
		})
		c := client.New(f.URL, patient(f))
		end(t, c.Manager())
		var attempts list[int]
		c.Manager().OnReconnectAttempt(func(n int) { attempts.add(n) })
		c.Manager().OnReconnectFailed(func() { t.Error("given up") })
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			<-f.conns
		}
		c.Disconnect()
		synctest.Wait()
		if got, want := attempts.get(), []int{1, 2, 3, 1, 2, 3, 1, 2, 3}; !slices.Equal(got, want) {
			t.Errorf("attempts %v, want %v", got, want)
		}
	})
}
