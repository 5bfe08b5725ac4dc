package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/parser"
)

// A sink is an [adapter.AckSink] that records its calls.
type sink struct {
	done chan struct{} // closed by Complete

	mu       sync.Mutex
	expected int
	acks     []adapter.Ack
	err      error // of Complete
	late     bool  // Expect or Complete was called after Complete
}

func newSink() *sink { return &sink{done: make(chan struct{})} }

// Expect implements [adapter.AckSink].
func (k *sink) Expect(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expected += n
	k.late = k.late || k.isComplete()
}

// Ack implements [adapter.AckSink].
func (k *sink) Ack(a adapter.Ack) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.acks = append(k.acks, a)
}

// Complete implements [adapter.AckSink].
func (k *sink) Complete(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.isComplete() {
		k.late = true
		return
	}
	k.err = err
	close(k.done)
}

func (k *sink) isComplete() bool {
	select {
	case <-k.done:
		return true
	default:
		return false
	}
}

// result waits until all answers that were announced have arrived, and returns them: the only
// argument of each, sorted.
func (k *sink) result(s *suite) (answers []string, err error) {
	s.Helper()
	s.until("all answers", func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.isComplete() && len(k.acks) >= k.expected
	}, func() any {
		k.mu.Lock()
		defer k.mu.Unlock()
		return fmt.Sprintf("%d of %d, complete: %v", len(k.acks), k.expected, k.isComplete())
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.late {
		s.Error("the sink was used after Complete")
	}
	if len(k.acks) != k.expected {
		s.Errorf("%d answers, but %d were announced", len(k.acks), k.expected)
	}
	for _, a := range k.acks {
		var text string
		if err := cmpErr(a.Err, a.Args.Decode(&text)); err != nil {
			text = "error: " + err.Error()
		}
		answers = append(answers, text)
	}
	slices.Sort(answers)
	return answers, k.err
}

func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// ask broadcasts an event with acknowledgements.
func (n *namespace) ask(ctx context.Context, t adapter.Target) *sink {
	n.node.s.Helper()
	k := newSink()
	p := &adapter.Packet{Event: "ask", Args: []any{"question"}, HasAck: true}
	if err := n.BroadcastWithAck(ctx, p, t, k); err != nil {
		n.node.s.Fatalf("BroadcastWithAck: %v", err)
	}
	return k
}

// context returns a context that lasts for the whole test.
func (s *suite) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.Cleanup(cancel)
	return ctx
}

// testAcks collects acknowledgements of clients of all nodes.
func testAcks(s *suite) {
	nodes := s.start(3)
	for i, n := range nodes {
		n.of("/").connect(fmt.Sprint("a", i), "room")
		n.of("/").connect(fmt.Sprint("b", i), "room", "other")
	}
	for _, n := range nodes {
		answers, err := n.of("/").ask(s.context(), adapter.Target{Rooms: []string{"room"}}).result(s)
		want := []string{"from a0", "from a1", "from a2", "from b0", "from b1", "from b2"}
		if err != nil || !slices.Equal(answers, want) {
			s.Errorf("acknowledged: %q, %v, want %q", answers, err, want)
		}
		answers, err = n.of("/").ask(s.context(), adapter.Target{Except: []string{"other"}, Rooms: []string{"room", "none"}, Local: true}).result(s)
		if want := []string{"from a" + strconv.Itoa(slices.Index(nodes, n))}; err != nil || !slices.Equal(answers, want) {
			s.Errorf("acknowledged locally: %q, %v, want %q", answers, err, want)
		}
	}

	// A client that does not answer is announced, and does not delay Complete.
	for _, sock := range nodes[1].of("/").sockets {
		sock.mu.Lock()
		sock.silent = sock.id == "a1"
		sock.mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	k := nodes[0].of("/").ask(ctx, adapter.Target{Rooms: []string{"room"}})
	s.until("the other clients", func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.isComplete() && k.expected == 6 && len(k.acks) == 5
	}, func() any { return k.expected })
	cancel()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		s.Errorf("Complete has the error %v", k.err)
	}
}

// testNoAcks asks rooms without clients, on one node, on others, and on all.
func testNoAcks(s *suite) {
	nodes := s.start(2)
	nodes[0].of("/").connect("a", "here")
	nodes[1].of("/").connect("b", "there")
	for _, test := range []struct {
		room string
		want []string
	}{
		{"none", nil}, {"here", []string{"from a"}}, {"there", []string{"from b"}},
	} {
		answers, err := nodes[0].of("/").ask(s.context(), adapter.Target{Rooms: []string{test.room}}).result(s)
		if err != nil || !slices.Equal(answers, test.want) {
			s.Errorf("%s: acknowledged: %q, %v, want %q", test.room, answers, err, test.want)
		}
	}
	answers, err := nodes[0].of("/").ask(s.context(), adapter.Target{Rooms: []string{}}).result(s)
	if err != nil || len(answers) > 0 {
		s.Errorf("nobody was asked, but %q answered, %v", answers, err)
	}
}

// testFetch describes sockets of other nodes.
func testFetch(s *suite) {
	nodes := s.start(2)
	here, there := nodes[0].of("/"), nodes[1].of("/")
	a := here.connect("a", "room")
	b := there.connect("b", "room", "more")
	a.data, b.data = map[string]any{"name": "Ann"}, map[string]any{"name": "Bob", "list": []any{int64(1) << 60}}
	there.connect("c")
	infos, err := here.FetchSockets(s.context(), adapter.Target{Rooms: []string{"room"}})
	if err != nil || len(infos) != 2 {
		s.Fatalf("fetched %d sockets, %v", len(infos), err)
	}
	slices.SortFunc(infos, func(x, y adapter.SocketInfo) int { return len(x.Rooms) - len(y.Rooms) })
	if infos[0].ID != "a" {
		s.Errorf("the local socket is %q", infos[0].ID)
	}
	info, want := infos[1], b.Info()
	slices.Sort(info.Rooms)
	if info.ID != "b" || !slices.Equal(info.Rooms, []string{"b", "more", "room"}) {
		s.Errorf("the socket %q has the rooms %q", info.ID, info.Rooms)
	}
	if info.Node != "" && info.Node != nodes[1].id {
		s.Errorf("the socket is on the node %q", info.Node)
	}
	h, wh := info.Handshake, want.Handshake
	if !h.Time.Equal(wh.Time) || h.URL != wh.URL || h.RemoteAddr != wh.RemoteAddr || h.Host != wh.Host ||
		h.Query.Get("name") != "b" || h.Header.Get("User-Agent") != "suite" || !info.Secure {
		s.Errorf("the handshake is %+v, secure: %v, want %+v", h, info.Secure, wh)
	}
	if string(info.Auth) != string(want.Auth) {
		s.Errorf("auth is %s, want %s", info.Auth, want.Auth)
	}
	data, err := json.Marshal(info.Data)
	if err != nil || string(data) != `{"list":[1152921504606846976],"name":"Bob"}` {
		s.Errorf("the data is %s, %v", data, err)
	}
	for _, test := range []struct {
		target adapter.Target
		want   []string
	}{
		{adapter.Target{Rooms: []string{"none"}}, nil},
		{adapter.Target{Rooms: []string{}}, nil},
		{adapter.Target{Rooms: []string{"room"}, Local: true}, []string{"a"}},
		{adapter.Target{Rooms: []string{"room", "c"}, Except: []string{"more"}}, []string{"a", "c"}},
		{adapter.Target{Rooms: []string{"b"}, Node: nodes[1].id}, []string{"b"}},
	} {
		ids, err := here.fetch(patience, test.target)
		if err != nil || !slices.Equal(ids, test.want) {
			s.Errorf("%+v: fetched %q, %v, want %q", test.target, ids, err, test.want)
		}
	}
}

// testServerSideEmit sends events to the other servers.
func testServerSideEmit(s *suite) {
	nodes := s.start(3)
	for i, n := range nodes {
		nsp := n.of("/")
		nsp.serve(func(event string, args parser.Args, answer func(...any)) {
			if answer == nil {
				nsp.mu.Lock()
				nsp.events = append(nsp.events, event+" "+args.String())
				nsp.mu.Unlock()
				return
			}
			answer(fmt.Sprint(i, event, args))
			answer("again") // which does not count
		})
	}
	for i, n := range nodes {
		nsp := n.of("/")
		for j := range 10 {
			if err := nsp.ServerSideEmit(s.context(), fmt.Sprint("n", i), []any{j, []byte{1}}, nil); err != nil {
				s.Errorf("ServerSideEmit: %v", err)
			}
		}
		k := newSink()
		if err := nsp.ServerSideEmit(s.context(), "ask", []any{"x"}, k); err != nil {
			s.Fatal(err)
		}
		answers, err := k.result(s)
		var want []string
		for other := range nodes {
			if other != i {
				want = append(want, fmt.Sprint(other, `ask["x"]`))
			}
		}
		if err != nil || !slices.Equal(answers, want) {
			s.Errorf("answered: %q, %v, want %q", answers, err, want)
		}
	}
	for i, n := range nodes {
		nsp := n.of("/")
		s.until("20 events", func() bool { return len(nsp.received()) >= 20 }, func() any { return nsp.received() })
		for _, e := range nsp.received() {
			if e[:2] == fmt.Sprint("n", i) {
				s.Errorf("node %d received its own event", i)
			}
		}
		if got := nsp.received(); len(got) != 20 {
			s.Errorf("node %d received %d events", i, len(got))
		}
	}
	if err := nodes[0].of("/").ServerSideEmit(s.context(), "bad", []any{make(chan int)}, nil); err == nil {
		s.Error("an event that cannot be encoded was sent")
	}
}

// testSlowServerEvents has a handler that does not return for a while: nothing else waits.
func testSlowServerEvents(s *suite) {
	nodes := s.start(2)
	here, there := nodes[0].of("/"), nodes[1].of("/")
	proceed := make(chan struct{})
	var once sync.Once
	release := func() { once.Do(func() { close(proceed) }) }
	s.Cleanup(release)
	there.serve(func(event string, args parser.Args, answer func(...any)) {
		<-proceed
		answer(event)
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	k := newSink()
	if err := here.ServerSideEmit(ctx, "slow", nil, k); err != nil {
		s.Fatal(err)
	}
	here.emit(adapter.Target{}, "event")
	for _, sock := range s.members("/") {
		s.expect(sock, "while a handler runs", `["event"]`)
	}
	<-k.done
	var partial *adapter.PartialError
	if !errors.As(k.err, &partial) || len(partial.Missing)+partial.Unknown != 1 {
		s.Errorf("Complete has the error %v, want a PartialError", k.err)
	}
	release()
	k = newSink()
	if err := here.ServerSideEmit(s.context(), "quick", nil, k); err != nil {
		s.Fatal(err)
	}
	if answers, err := k.result(s); err != nil || !slices.Equal(answers, []string{"quick"}) {
		s.Errorf("answered: %q, %v", answers, err)
	}
}
