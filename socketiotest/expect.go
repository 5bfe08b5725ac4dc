package socketiotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/offset"
	"github.com/seed96b07ef8/socketio/parser"
)

// An Event is an event that the server sent.
type Event struct {
	Name string        // the name of the event
	Args socketio.Args // its arguments

	client *Client
	ack    uint64
	wants  bool
}

// Decode decodes the arguments, position by position, into the values that ptrs
// point to. It fails the test if they do not fit.
func (e Event) Decode(ptrs ...any) {
	e.client.t.Helper()
	if err := e.Args.Decode(ptrs...); err != nil {
		e.client.t.Fatalf("socketiotest: the event %s: %v", e, err)
	}
}

// WantsAck reports whether the server waits for an acknowledgement.
func (e Event) WantsAck() bool { return e.wants }

// Ack acknowledges the event. It fails the test if the server does not wait for
// an acknowledgement.
func (e Event) Ack(args ...any) {
	e.client.t.Helper()
	if !e.wants {
		e.client.t.Fatalf("socketiotest: the server wants no acknowledgement of the event %s", e)
	}
	h := parser.Header{Type: parser.Ack, Namespace: e.client.namespace, ID: e.ack, HasID: true}
	if err := e.client.conn.send(h, "", args); err != nil {
		e.client.t.Fatalf("socketiotest: acknowledging the event %s: %v", e, err)
	}
}

// String returns the name and the arguments.
func (e Event) String() string { return fmt.Sprintf("%q %s", e.Name, e.Args) }

// Next returns the next event. It fails the test if none arrives in time, or if
// the client is disconnected instead.
func (c *Client) Next() Event {
	c.t.Helper()
	i := c.take("an event")
	if i.kind != itemEvent {
		c.t.Fatalf("socketiotest: %v: got %s, want an event%s", c, i, c.context())
	}
	return i.event
}

// TryNext returns the next event if it has arrived already. It does not wait.
func (c *Client) TryNext() (e Event, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.items) == 0 || c.items[0].kind != itemEvent {
		return e, false
	}
	return c.pop(0).event, true
}

// Expect takes the next event and fails the test unless it has this name and exactly
// these arguments. Arguments are compared in their JSON form, so a struct equals the map
// that it is encoded as; 64-bit integers are compared exactly, and []byte is binary data.
// Arguments that a server with recovery adds to events without an acknowledgement may be
// omitted: an offset, or the null at the end of a volatile event.
func (c *Client) Expect(event string, args ...any) Event {
	c.t.Helper()
	i := c.take(fmt.Sprintf("the event %q", event))
	if i.kind != itemEvent || i.event.Name != event {
		c.t.Fatalf("socketiotest: %v: got %s, want the event %q%s", c, i, event, c.context())
	}
	want, err := c.values(args)
	if err != nil {
		c.t.Fatalf("socketiotest: the arguments of %q: %v", event, err)
	}
	got, err := decoded(i.event.Args)
	if err != nil {
		c.t.Fatalf("socketiotest: %v: the event %s: %v", c, i.event, err)
	}
	if !reflect.DeepEqual(got, want) && !reflect.DeepEqual(c.withoutOffset(i.event, got), want) {
		c.t.Fatalf("socketiotest: %v: got the event %s, want the arguments %s%s", c, i.event, showValues(want), c.context())
	}
	return i.event
}

// withoutOffset returns the arguments of an event without those that the server added.
func (c *Client) withoutOffset(e Event, args []any) []any {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(args) - 1
	if n < 0 || c.pid == "" || e.wants {
		return args
	}
	switch last := args[n].(type) {
	case string:
		if !offset.Known(last, time.Now()) {
			return args
		}
	case nil:
	default:
		return args
	}
	if n == 0 {
		return nil
	}
	return args[:n]
}

// Await takes the next event of the given name and discards those before it.
func (c *Client) Await(event string) Event {
	c.t.Helper()
	for {
		i := c.take(fmt.Sprintf("the event %q", event))
		switch {
		case i.kind != itemEvent:
			c.t.Fatalf("socketiotest: %v: got %s, want the event %q%s", c, i, event, c.context())
			return Event{}
		case i.event.Name == event:
			return i.event
		}
	}
}

// ExpectDisconnect waits until the client is disconnected, and fails the test if
// another event arrives first. reason is the client's reason: [ServerDisconnect]
// or [socketio.TransportClose].
func (c *Client) ExpectDisconnect(reason socketio.Reason) {
	c.t.Helper()
	i := c.take("the disconnection")
	if i.kind != itemEnd || i.reason != reason {
		c.t.Fatalf("socketiotest: %v: got %s, want the disconnection (%s)%s", c, i, reason, c.context())
	}
}

// take waits for the next item and takes it.
func (c *Client) take(what string) item {
	c.t.Helper()
	return c.takeFirst(what, func(item) bool { return true })
}

// takeFirst waits for the first item for which wanted returns true, and takes it out of
// order.
func (c *Client) takeFirst(what string, wanted func(item) bool) item {
	c.t.Helper()
	timeout := time.NewTimer(c.timeout)
	defer timeout.Stop()
	for {
		c.mu.Lock()
		for n, i := range c.items {
			if wanted(i) {
				defer c.mu.Unlock()
				return c.pop(n)
			}
		}
		arrived := c.arrived
		c.mu.Unlock()
		select {
		case <-arrived:
		case <-timeout.C:
			c.t.Fatalf("socketiotest: %v: timed out after %v waiting for %s%s", c, c.timeout, what, c.context())
			return item{kind: itemEnd}
		}
	}
}

// historyLength is how many taken events, and how many items not taken, the
// messages of failed tests show.
const historyLength = 5

// pop removes an item. The caller holds mu.
func (c *Client) pop(n int) item {
	i := c.items[n]
	if n == 0 { // nearly always; moving the others would take a test of many events too long
		c.items[0] = item{}
		c.items = c.items[1:]
	} else {
		c.items = slices.Delete(c.items, n, n+1)
	}
	if i.kind != itemEvent {
		return i
	}
	if len(c.history) == historyLength {
		c.history = slices.Delete(c.history, 0, 1)
	}
	c.history = append(c.history, i.event)
	return i
}

// context describes the latest events for the messages of failed tests.
func (c *Client) context() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for n, e := range c.history {
		if n == 0 {
			b.WriteString("\n\tthe last events that it took: ")
		} else {
			b.WriteString(", ")
		}
		b.WriteString(e.String())
	}
	if len(c.items) > 0 {
		b.WriteString("\n\twaiting to be taken:")
		for n, i := range c.items {
			if n == historyLength {
				fmt.Fprintf(&b, " and %d more", len(c.items)-n)
				break
			}
			if n > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " %s", i)
		}
	}
	return b.String()
}

// values returns args as a peer receives them.
func (c *Client) values(args []any) ([]any, error) {
	if len(args) == 0 {
		return nil, nil
	}
	codec := c.conn.codec
	data, attachments, err := codec.Append(nil, parser.Header{Type: parser.Ack, HasID: true}, "", args)
	if err != nil {
		return nil, err
	}
	decoder := codec.NewDecoder(parser.Limits{MaxAttachments: 1 << 16, MaxDepth: 10_000})
	p, err := decoder.Decode(data, codec.Binary())
	for _, a := range attachments {
		if err != nil {
			break
		}
		p, err = decoder.Decode(append([]byte(nil), a...), true)
	}
	if err != nil {
		return nil, err
	}
	return decoded(p.Args)
}

func decoded(args socketio.Args) ([]any, error) {
	var values []any
	for i := range args.Len() {
		var v any
		if err := args.DecodeAt(i, &v); err != nil {
			return nil, err
		}
		var text json.RawMessage
		if err := args.DecodeAt(i, &text); err != nil {
			return nil, err
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		var exact any
		if err := d.Decode(&exact); err != nil {
			return nil, err
		}
		values = append(values, withNumbers(v, exact))
	}
	return values, nil
}

// withNumbers returns v with integers that a float64 cannot hold exactly replaced by
// their digits, taken from exact, the same value with json.Numbers.
func withNumbers(v, exact any) any {
	switch v := v.(type) {
	case float64:
		n, ok := exact.(json.Number)
		if isInteger := strings.Trim(n.String(), "-0123456789") == ""; ok && isInteger && math.Abs(v) >= 1<<53 {
			return n
		}
	case []any:
		if exact, ok := exact.([]any); ok && len(exact) == len(v) {
			for i := range v {
				v[i] = withNumbers(v[i], exact[i])
			}
		}
	case map[string]any:
		if exact, ok := exact.(map[string]any); ok {
			for key := range v {
				v[key] = withNumbers(v[key], exact[key])
			}
		}
	}
	return v
}

// showValues formats arguments for messages.
func showValues(values []any) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		if data, ok := v.([]byte); ok {
			fmt.Fprintf(&b, "binary %q", data)
			continue
		}
		text, err := json.Marshal(v)
		if err != nil {
			text = fmt.Appendf(nil, "%v", v)
		}
		b.Write(text)
	}
	b.WriteByte(']')
	return b.String()
}
