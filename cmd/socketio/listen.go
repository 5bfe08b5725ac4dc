package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed96b07ef8/socketio/client"
)

// listenSettings are the flags and arguments of listen.
type listenSettings struct {
	events  []string // that are printed; all when empty
	count   int
	autoAck bool
}

// listen prints events until it is interrupted, has printed enough, or the
// connection is lost for good.
func listen(ctx context.Context, std stdio, o *settings, l listenSettings, rawURL string) error {
	t, err := o.target(rawURL, std.err)
	if err != nil {
		return err
	}
	c := newConnection(t)
	defer c.close()
	s := c.manager.Socket(t.namespace, nil)

	over := make(chan error, 1)
	end := func(err error) {
		select {
		case over <- err:
		default: // something else was first
		}
	}
	printed := 0
	s.OnAny(func(name string, args client.Args) {
		handle(s, name, func(event string, q *question) {
			if l.count > 0 && printed == l.count {
				return
			}
			if q != nil && l.autoAck {
				q.answer()
			}
			if len(l.events) > 0 && !slices.Contains(l.events, event) {
				return
			}
			if _, err := fmt.Fprintln(std.out, jsonLine(time.Now(), event, jsonArray(args), q != nil)); err != nil {
				end(general(err))
				return
			}
			if printed++; printed == l.count {
				end(nil)
			}
		})
	})
	note := func(format string, args ...any) { fmt.Fprintf(std.err, "socketio: "+format+"\n", args...) }
	lost := false // these three are called one after the other
	s.OnConnect(func() {
		if lost {
			note("connected again%s", recovered(s))
		}
	})
	s.OnDisconnect(func(reason client.Reason, err error) {
		lost = true
		if text := disconnected(reason, err); s.Active() {
			note("%s; reconnecting", text)
		} else {
			end(failf(exitNoConnection, "%s", text))
		}
	})
	s.OnConnectError(func(err error) {
		if lost && !s.Active() {
			end(t.explain(err))
		}
	})
	if err := c.open(ctx, s); err != nil {
		return err
	}
	select {
	case err := <-over:
		return err
	case <-ctx.Done():
		return errInterrupted
	}
}

// recovered is an addition to the news of a connection.
func recovered(s *client.Socket) string {
	if s.Recovered() {
		return ", session recovered"
	}
	return ""
}
