package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// Received returns the time of the last ping that the client has answered, unless the ping
// overtook messages.
func TestReceived(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, &engine.ServerOptions{WriteTimeout: time.Hour})
		w := unhurried(t, h.websocket())
		opened := time.Now()
		want := func(when string, want time.Time) {
			t.Helper()
			synctest.Wait()
			if got := w.Received(); !got.Equal(want) {
				t.Errorf("%s: received until %v, want %v", when, got, want)
			}
		}
		want("at the beginning", time.Time{})
		w.want("2")
		want("without an answer", time.Time{})
		time.Sleep(time.Second)
		w.send("3")
		want("with an answer", opened.Add(25*time.Second))

		// Of two messages that the client does not read, the second waits in the outbox.
		w.text(t, "first")
		w.text(t, "second")
		time.Sleep(25 * time.Second)
		synctest.Wait()
		for _, packet := range []string{"4first", "2", "4second"} {
			w.want(packet)
		}
		w.send("3")
		want("with an answer to a ping that has overtaken a message", opened.Add(25*time.Second))

		w.want("2")
		w.send("3")
		want("with the next answer", opened.Add(76*time.Second))
		w.nc.Close()
		synctest.Wait()
	})
}

// Over polling, too.
func TestReceivedOverPolling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		opened := time.Now()
		p.want("2")
		p.post("3")
		if got, want := p.Received(), opened.Add(25*time.Second); !got.Equal(want) {
			t.Errorf("received until %v, want %v", got, want)
		}
		p.drop()
		synctest.Wait()
	})
}
