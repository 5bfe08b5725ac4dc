package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/parser"
)

// receive passes a message of another node to a node.
func (d *stillDriver) receive(t *testing.T, m *Message) {
	t.Helper()
	wire, err := Native.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	d.in.Receive(m.Namespace, wire)
}

// A countedSink is a sink of acknowledgements.
type countedSink struct {
	expected, acks int
	completed      []error
}

func (k *countedSink) Expect(n int)       { k.expected += n }
func (k *countedSink) Ack(adapter.Ack)    { k.acks++ }
func (k *countedSink) Complete(err error) { k.completed = append(k.completed, err) }

// A node cannot answer for clients that it has not announced, nor announce more than there can be.
func TestHostileAcknowledgements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _, a := startStill(t)
		d.receive(t, &Message{Kind: Heartbeat, Namespace: "/", Sender: "hostile"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		k := new(countedSink)
		if err := a.BroadcastWithAck(ctx, &adapter.Packet{Event: "question", HasAck: true}, adapter.Target{}, k); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		id := d.of(Broadcast)[0].Message.RequestID
		answer := func(kind Kind, n int) {
			m := &Message{Kind: kind, Namespace: "/", Sender: "hostile", RequestID: id, ClientCount: n, Body: parser.Body{JSON: []byte("[1]")}}
			d.receive(t, m)
		}
		answer(BroadcastClientCount, 2)
		answer(BroadcastClientCount, 1000)
		for range 100 {
			answer(BroadcastAck, 0)
		}
		if k.expected != 2 || k.acks != 2 || len(k.completed) != 1 || k.completed[0] != nil {
			t.Errorf("%d answers of %d, completed with %v", k.acks, k.expected, k.completed)
		}

		k = new(countedSink)
		if err := a.BroadcastWithAck(ctx, &adapter.Packet{Event: "question", HasAck: true}, adapter.Target{}, k); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		id = d.of(Broadcast)[1].Message.RequestID
		answer(BroadcastClientCount, math.MaxInt32)
		if k.expected != maxClients {
			t.Errorf("%d clients were announced", k.expected)
		}
	})
}

// Other nodes cannot make a node wait for the acknowledgements of any number of broadcasts.
func TestHostileQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _, a := startStill(t)
		s := &silentSocket{countingSocket{id: "s"}}
		a.Add(s)
		for i := range maxRequests + 100 {
			d.receive(t, &Message{Kind: Broadcast, Namespace: "/", Sender: "other", RequestID: fmt.Sprint(i), Seq: uint64(i + 1),
				Timeout: time.Hour, Body: parser.Body{JSON: []byte(`["question"]`)}})
		}
		synctest.Wait()
		if n := s.delivered.Load(); n != maxRequests {
			t.Errorf("delivered %d events", n)
		}
		if n := len(d.of(BroadcastClientCount)); n != maxRequests+100 {
			t.Errorf("counted the clients %d times", n)
		}
		if n := a.space.p.Stats().Dropped[DropFailed]; n != 100 {
			t.Errorf("dropped %d messages", n)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := a.space.p.asked.Load(); n != 0 {
			t.Errorf("%d broadcasts wait", n)
		}
	})
}

// A silentSocket does not acknowledge.
type silentSocket struct{ countingSocket }

func (s *silentSocket) DeliverWithAck(_ context.Context, p *adapter.Packet, _ adapter.AckSink) {
	s.Deliver(p)
}

// A panickingHost is a namespace whose methods panic.
type panickingHost struct{ countingHost }

func (h *panickingHost) Encode(*adapter.Packet) error                  { panic("encode") }
func (h *panickingHost) ServerEvent(string, parser.Args, func(...any)) { panic("server event") }

// What fails while a message is handled ends neither the node nor the goroutine that reads.
func TestPanicsAreRecovered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _, a := startStill(t)
		a.Add(&countingSocket{id: "s"})
		a.host = new(panickingHost)
		a.Memory = adapter.NewMemory(a.host)
		a.Add(&countingSocket{id: "s"})
		for i := range 2 {
			body := parser.Body{JSON: []byte(`["event"]`)}
			d.receive(t, &Message{Kind: Broadcast, Namespace: "/", Sender: "other", Body: body})
			d.receive(t, &Message{Kind: ServerSideEmit, Namespace: "/", Sender: "other", Body: body})
			synctest.Wait()
			if n := a.space.p.Stats().Dropped[DropFailed]; n != uint64(2*(i+1)) {
				t.Errorf("%d messages have failed, want %d", n, 2*(i+1))
			}
		}
	})
}

// The sender of a message cannot make a node hold its name, or a further member.
func TestHostileSenders(t *testing.T) {
	d, _, a := startStill(t)
	for i := range 2 * maxMembers {
		d.receive(t, &Message{Kind: Heartbeat, Namespace: "/", Sender: fmt.Sprint(i)})
		d.receive(t, &Message{Kind: Heartbeat, Sender: fmt.Sprint(i)})
	}
	d.receive(t, &Message{Kind: Heartbeat, Namespace: "/", Sender: string(make([]byte, maxNodeID+1))})
	stats := a.space.p.Stats()
	if len(stats.Nodes) != maxMembers || a.space.roster.size() != maxMembers || stats.Dropped[DropMembers] < maxMembers {
		t.Errorf("%d nodes and %d members, dropped %v", len(stats.Nodes), a.space.roster.size(), stats.Dropped)
	}
	// Events of a node that is one too many are delivered nevertheless.
	s := &countingSocket{id: "s"}
	a.Add(s)
	d.receive(t, &Message{Kind: Broadcast, Namespace: "/", Sender: "more", Body: parser.Body{JSON: []byte(`["event"]`)}})
	if s.delivered.Load() != 1 {
		t.Error("an event was not delivered")
	}
	// Neither own messages nor those of emitters make members.
	d.receive(t, &Message{Kind: Broadcast, Namespace: "/", Sender: "self", Body: parser.Body{JSON: []byte(`["event"]`)}})
	if s.delivered.Load() != 1 {
		t.Error("an own event was delivered again")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{
		{HeartbeatInterval: 5}, {HeartbeatTimeout: -1}, {RequestTimeout: 1}, {QueueBytes: -1}, {QueueMessages: -1}, {MaxMessage: -1},
		{QueueAge: 1}, {PublishTimeout: 1}, {HeartbeatInterval: 10 * time.Second},
	} {
		if err := New(new(stillDriver), Native, &o).Start(t.Context(), adapter.Node{}); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

// A failingDriver cannot connect.
type failingDriver struct{ stillDriver }

var errRefused = errors.New("wrong password")

func (*failingDriver) Open(context.Context, adapter.Node, Inbound) error { return errRefused }

func TestStartFails(t *testing.T) {
	if err := New(new(failingDriver), Native, nil).Start(t.Context(), adapter.Node{}); err != errRefused {
		t.Errorf("Start returned %v", err)
	}
}

func TestEventName(t *testing.T) {
	for body, want := range map[string]string{
		`["a"]`: "a", `["",1]`: "", `["a\"b",1]`: `a"b`, `["é"]`: "é", `[42,"x"]`: "42", `["\u0041"]`: "A",
	} {
		if got := eventName([]byte(body)); got != want {
			t.Errorf("the name of %s is %q, want %q", body, got, want)
		}
	}
}

// Results have one argument, whatever it is.
func TestResults(t *testing.T) {
	for _, args := range [][]any{{}, {nil}, {"x"}, {map[string]any{"a": []byte{1, 2}}}, {[]any{1, "r"}}, {int64(math.MaxInt64)}} {
		body, err := resultBody(args...)
		if err != nil {
			t.Fatal(err)
		}
		if body.JSON[0] != '[' {
			t.Errorf("the body is %s", body.JSON)
		}
		got, err := resultArgs(body)
		if err != nil || got.Len() != len(args) {
			t.Fatalf("%v became %v, %v", args, got, err)
		}
		again, err := ackBody(got)
		if err != nil || string(again.JSON) != string(body.JSON) || len(again.Attachments) != len(body.Attachments) {
			t.Errorf("%s became %s, %v", body.JSON, again.JSON, err)
		}
	}
	many, err := parser.ArgsOf("first", "second")
	if err != nil {
		t.Fatal(err)
	}
	if body, err := ackBody(many); err != nil || string(body.JSON) != `["first"]` {
		t.Errorf("two arguments became %s, %v", body.JSON, err)
	}
}

// Requests that are not numbered are answered once.
func TestRequestsArriveTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _, _ := startStill(t)
		for range 3 {
			d.receive(t, &Message{Kind: FetchSockets, Namespace: "/", Sender: "other", RequestID: "x"})
		}
		d.receive(t, &Message{Kind: FetchSockets, Namespace: "/", Sender: "another", RequestID: "x"})
		synctest.Wait()
		if n := len(d.of(FetchSocketsResponse)); n != 2 {
			t.Errorf("answered %d times, want 2", n)
		}
	})
}

// A description of many sockets is sent in parts, and put together again.
func TestFetchInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, _, a := startStill(t)
		there, _, b := startStill(t)
		for i := range 2500 {
			b.Add(&countingSocket{id: fmt.Sprint(i)})
		}
		here.receive(t, &Message{Kind: Heartbeat, Namespace: "/", Sender: "other"})
		done := make(chan int)
		go func() {
			infos, err := a.FetchSockets(t.Context(), adapter.Target{})
			if err != nil {
				t.Error(err)
			}
			done <- len(infos)
		}()
		synctest.Wait()
		request := *here.of(FetchSockets)[0].Message
		request.Sender = "asking"
		there.receive(t, &request)
		synctest.Wait()
		parts := there.of(FetchSocketsResponse)
		if len(parts) < 3 {
			t.Errorf("%d parts", len(parts))
		}
		for i := range parts {
			part := *parts[len(parts)-1-i].Message
			part.Sender = "other"
			here.receive(t, &part)
		}
		if n := <-done; n != 2500 {
			t.Errorf("fetched %d sockets, want 2500", n)
		}
	})
}

// Messages that were cut, or of which a byte has changed, neither panic nor block, and the node
// works on.
func TestDamagedMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _, a := startStill(t)
		s := &countingSocket{id: "s"}
		a.Add(s)
		result, event := parser.Body{JSON: []byte(`[1]`)}, parser.Body{JSON: []byte(`["event",{"_placeholder":true,"num":0}]`), Attachments: [][]byte{{1}}}
		for kind := InitialHeartbeat; kind <= AdapterClose; kind++ {
			m := &Message{Kind: kind, Namespace: "/", Sender: "other", RequestID: "request", Seq: 1, Body: result, Rooms: []string{"room"},
				Target: adapter.Target{Rooms: []string{"none"}}, Sockets: []Socket{{ID: "x", Handshake: []byte("{}"), Rooms: []string{"x"}}}}
			if kind == Broadcast || kind == ServerSideEmit {
				m.Body = event
			}
			wire, err := Native.Append(nil, m)
			if err != nil {
				t.Fatal(err)
			}
			for i := range wire {
				d.in.Receive("/", bytes.Clone(wire[:i]))
				for _, change := range []byte{1, 0x80, 0xff} {
					damaged := bytes.Clone(wire)
					damaged[i] ^= change
					d.in.Receive("/", damaged)
				}
			}
		}
		synctest.Wait()
		dropped := a.space.p.Stats().Dropped
		if dropped[DropMalformed] == 0 || dropped[DropFailed] != 0 {
			t.Errorf("dropped %v", dropped)
		}
		before := s.delivered.Load()
		d.receive(t, &Message{Kind: Broadcast, Namespace: "/", Sender: "new", Seq: 1, Body: parser.Body{JSON: []byte(`["event"]`)}})
		if s.delivered.Load() != before+1 {
			t.Error("the node does not work anymore")
		}
	})
}
