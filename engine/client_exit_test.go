package engine_test

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/engine"
)

// exiting ends the goroutine that calls one of its methods.
type exiting struct {
	*caller
	in string
}

func (e exiting) exit(in string) {
	if e.in == in {
		runtime.Goexit()
	}
}

func (e exiting) OnMessage(*engine.Client, []byte, bool)     { e.exit("OnMessage") }
func (e exiting) OnPing(*engine.Client)                      { e.exit("OnPing") }
func (e exiting) OnUpgrade(*engine.Client, engine.Transport) { e.exit("OnUpgrade") }
func (e exiting) OnClose(_ *engine.Client, r engine.Reason, err error) {
	e.closed <- ending{r, err}
	e.exit("OnClose")
}

// A handler that ends the reader goroutine ends the connection, because nothing would
// read any more. Done is closed even so.
func TestClientHandlersExit(t *testing.T) {
	t.Parallel()
	for _, way := range clientWays {
		for _, in := range []string{"OnMessage", "OnPing", "OnUpgrade", "OnClose"} {
			if in == "OnUpgrade" && len(way.transports) == 1 {
				continue
			}
			t.Run(way.name+" "+in, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					h := startInMemory(t, nil)
					c := exiting{newCaller(), in}
					client, err := engine.Dial(t.Context(), h.url, h.dialOptions(way.transports...), c)
					if err != nil {
						t.Fatalf("Dial: %v", err)
					}
					s := <-h.sessions
					synctest.Wait()
					reason, cause := engine.TransportError, "ended its goroutine"
					switch in {
					case "OnMessage":
						s.text(t, "exit")
					case "OnClose":
						s.Close()
						reason, cause = engine.TransportClose, ""
					}
					e := <-c.closed
					if e.reason != reason || e.err == nil || !strings.Contains(e.err.Error(), cause) {
						t.Errorf("ended with %q, %v, want %q and a cause with %q", e.reason, e.err, reason, cause)
					}
					<-client.Done()
					<-s.closed
				})
			})
		}
	}
}
