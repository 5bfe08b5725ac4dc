package cluster

import (
	"fmt"
	"slices"
	"testing"

	"github.com/seed96b07ef8/socketio/adapter"
)

// A recorded request notes what becomes of it.
type recordedRequest struct {
	*request
	taken     []*Message
	completed int
	missing   []string
	unknown   int
}

func addRequest(t *testing.T, table *requests, named []string, unnamed int) *recordedRequest {
	t.Helper()
	rec := new(recordedRequest)
	r, err := table.add(named, unnamed, func(m *Message) { rec.taken = append(rec.taken, m) },
		func(o outcome) { rec.completed++; rec.missing, rec.unknown = o.missing, o.unknown })
	if err != nil {
		t.Fatal(err)
	}
	rec.request = r
	r.begin()
	return rec
}

// expect checks what has become of a request, which is complete unless missing is nil.
func (rec *recordedRequest) expect(t *testing.T, taken int, complete bool, unknown int, missing ...string) {
	t.Helper()
	if len(rec.taken) != taken {
		t.Errorf("took %d messages, want %d", len(rec.taken), taken)
	}
	if rec.completed == 1 != complete || rec.completed > 1 {
		t.Errorf("completed %d times", rec.completed)
	}
	if complete && (!slices.Equal(rec.missing, missing) || rec.unknown != unknown) {
		t.Errorf("missing: %q and %d, want %q and %d", rec.missing, rec.unknown, missing, unknown)
	}
}

// answer passes an answer and checks the verdict.
func (rec *recordedRequest) answer(t *testing.T, want verdict, node string, m Message) {
	t.Helper()
	m.RequestID = rec.id
	if m.Kind == 0 {
		m.Kind = FetchSocketsResponse
	}
	if got := rec.table.answer(&m, node, 100); got != want {
		t.Errorf("the verdict about the answer of %s is %v, want %v", node, got, want)
	}
}

func TestRequestIsCompleteWhenAllHaveAnswered(t *testing.T) {
	table := newRequests()
	r := addRequest(t, table, []string{"a", "b"}, 1)
	other := addRequest(t, table, []string{"a"}, 0)
	r.answer(t, awaited, "a", Message{})
	r.answer(t, duplicate, "a", Message{})
	r.answer(t, awaited, "learned", Message{})
	r.answer(t, duplicate, "learned", Message{})
	r.expect(t, 2, false, 0)
	r.answer(t, awaited, "b", Message{})
	r.expect(t, 3, true, 0)
	r.answer(t, late, "c", Message{})
	r.answer(t, awaited, "a", Message{Kind: BroadcastAck}) // of a client
	r.remove()
	r.answer(t, late, "a", Message{Kind: BroadcastAck})
	r.expect(t, 4, true, 0)
	other.expect(t, 0, false, 0)
}

// A request is not complete before it was sent, whatever becomes of the others meanwhile.
func TestRequestIsNotCompleteBeforeItBegins(t *testing.T) {
	table := newRequests()
	for _, named := range [][]string{nil, {"a"}} {
		completed := 0
		r, err := table.add(named, 0, nil, func(outcome) { completed++ })
		if err != nil {
			t.Fatal(err)
		}
		table.left("a", false)
		table.expireAll()
		if completed != 0 {
			t.Error("completed too early")
		}
		r.begin()
		if completed != 1 {
			t.Errorf("completed %d times", completed)
		}
	}
	addRequest(t, table, nil, 0).expect(t, 0, true, 0)
}

func TestRequestNamesWhoIsMissing(t *testing.T) {
	table := newRequests()
	r := addRequest(t, table, []string{"c", "a", "b"}, 2)
	r.answer(t, awaited, "a", Message{})
	table.left("b", true)
	table.left("b", true)
	table.left("stranger", true)
	r.answer(t, awaited, "stranger", Message{})
	r.expect(t, 2, false, 0)
	r.expire()
	r.expire()
	r.expect(t, 2, true, 1, "b", "c")
	r.answer(t, late, "c", Message{})

	r = addRequest(t, table, []string{"a"}, 0)
	table.left("a", true)
	r.expect(t, 0, true, 0, "a")

	r = addRequest(t, table, []string{"a"}, 0)
	table.left("a", false)
	r.expect(t, 0, true, 0)

	r = addRequest(t, table, []string{"a"}, 0)
	table.close()
	r.expect(t, 0, true, 0, "a")
	if _, err := table.add(nil, 0, nil, nil); err != adapter.ErrUnavailable {
		t.Errorf("a closed table returned %v", err)
	}
}

// Answers may arrive before the nodes were counted.
func TestRequestIsCounted(t *testing.T) {
	table := newRequests()
	var outcomes []outcome
	add := func() *recordedRequest {
		r, err := table.add([]string{"a"}, 0, func(*Message) {}, func(o outcome) { outcomes = append(outcomes, o) })
		if err != nil {
			t.Fatal(err)
		}
		r.count()
		r.begin()
		rec := &recordedRequest{request: r}
		rec.answer(t, awaited, "a", Message{})
		rec.answer(t, awaited, "b", Message{})
		if len(outcomes) != 0 {
			t.Fatal("completed too early")
		}
		return rec
	}
	expect := func(unknown, counted int, failed error) {
		t.Helper()
		if len(outcomes) != 1 || outcomes[0].unknown != unknown || outcomes[0].counted != counted || outcomes[0].failed != failed {
			t.Errorf("the outcome is %+v", outcomes)
		}
		outcomes = nil
	}
	r := add()
	r.counted(2)
	r.answer(t, awaited, "c", Message{})
	expect(0, 2, nil)
	add().counted(1)
	expect(0, 1, nil)
	add().fail(adapter.ErrUnavailable)
	expect(0, 0, adapter.ErrUnavailable)
	r = add()
	r.expire()
	expect(0, 0, errNotCounted)
	r.counted(5)
	if len(outcomes) != 0 {
		t.Error("completed twice")
	}
}

// What a node sends after its answer does not count as the answer of another node.
func TestNodeCountsOnce(t *testing.T) {
	r := addRequest(t, newRequests(), []string{"a"}, 2)
	for _, node := range []string{"a", "b"} {
		r.answer(t, awaited, node, Message{Kind: BroadcastClientCount})
		for range 5 {
			r.answer(t, awaited, node, Message{Kind: BroadcastAck})
		}
	}
	r.expect(t, 12, false, 0)
	r.answer(t, awaited, "c", Message{Kind: BroadcastClientCount})
	r.expect(t, 13, true, 0)
}

// Parts of one answer may be taken at the same time.
func TestPartsAtTheSameTime(t *testing.T) {
	table := newRequests()
	completed := 0
	var r *request
	r, err := table.add([]string{"a"}, 1, func(m *Message) {
		if m.More { // the last part arrives while the first is taken
			table.answer(&Message{Kind: FetchSocketsResponse, RequestID: r.id, Part: 1}, "a", 1)
		}
	}, func(outcome) { completed++ })
	if err != nil {
		t.Fatal(err)
	}
	r.begin()
	table.answer(&Message{Kind: FetchSocketsResponse, RequestID: r.id, More: true}, "a", 1)
	if completed != 0 {
		t.Error("completed without the answer of the other node")
	}
	table.answer(&Message{Kind: FetchSocketsResponse, RequestID: r.id}, "b", 1)
	if completed != 1 {
		t.Errorf("completed %d times", completed)
	}
}

// Answers that do not name their node count as those of any.
func TestAnonymousAnswers(t *testing.T) {
	r := addRequest(t, newRequests(), []string{"a", "b"}, 1)
	for range 2 {
		r.answer(t, awaited, "", Message{})
	}
	r.expect(t, 2, false, 0)
	r.answer(t, awaited, "", Message{})
	r.expect(t, 3, true, 0)

	r = addRequest(t, newRequests(), []string{"a", "b"}, 1)
	r.answer(t, awaited, "", Message{})
	r.expire()
	r.expect(t, 1, true, 2)

	r = addRequest(t, newRequests(), []string{"a"}, 1)
	r.answer(t, awaited, "", Message{})
	r.answer(t, awaited, "a", Message{})
	r.expect(t, 2, true, 0)
}

// Nodes that are forgiven do not delay a request, and are missing unless they answer.
func TestRequestForgives(t *testing.T) {
	table := newRequests()
	r := addRequest(t, table, []string{"a"}, 2)
	r.forgive(5)
	r.expect(t, 0, false, 0)
	r.answer(t, awaited, "ghost", Message{})
	r.expect(t, 1, false, 0)
	r.answer(t, awaited, "a", Message{})
	r.expect(t, 2, true, 1)
	r.forgive(1)

	r = addRequest(t, table, nil, 2)
	r.forgive(1)
	r.answer(t, awaited, "b", Message{})
	r.expect(t, 1, true, 1)
}

// The parts of an answer may arrive in any order, and twice.
func TestRequestWithParts(t *testing.T) {
	r := addRequest(t, newRequests(), []string{"a", "b"}, 0)
	r.answer(t, awaited, "a", Message{Part: 2})
	r.answer(t, duplicate, "a", Message{Part: 2})
	r.answer(t, duplicate, "a", Message{Part: 3, More: true}) // behind the last one
	r.answer(t, awaited, "a", Message{Part: 0, More: true})
	r.answer(t, duplicate, "a", Message{Part: 0, More: true})
	r.answer(t, awaited, "b", Message{})
	r.expect(t, 3, false, 0)
	r.answer(t, awaited, "a", Message{Part: 1, More: true})
	r.expect(t, 4, true, 0)
}

// A request is not complete while an answer is being taken.
func TestRequestWaitsForTake(t *testing.T) {
	table := newRequests()
	var r *request
	completed := 0
	r, err := table.add([]string{"a"}, 0, func(*Message) {
		r.expire()
		table.left("a", true)
		if completed != 0 {
			t.Error("completed too early")
		}
	}, func(o outcome) {
		completed++
		if len(o.missing) != 1 { // it left before it was finished
			t.Errorf("missing: %q", o.missing)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	r.begin()
	table.answer(&Message{Kind: FetchSocketsResponse, RequestID: r.id}, "a", 1)
	if completed != 1 {
		t.Errorf("completed %d times", completed)
	}
}

func TestRequestsAreBounded(t *testing.T) {
	table := newRequests()
	r := addRequest(t, table, []string{"a", "b", "c"}, 0)
	m := &Message{Kind: FetchSocketsResponse, RequestID: r.id}
	if v := table.answer(m, "a", maxAnswerBytes-answerOverhead-1); v != awaited {
		t.Fatalf("the verdict about the first answer is %v", v)
	}
	if v := table.answer(m, "b", 1<<20); v != tooLarge {
		t.Errorf("the verdict about a large answer is %v", v)
	}
	if v := table.answer(m, "c", 1); v != tooLarge {
		t.Errorf("the verdict about the last answer is %v", v)
	}
	r.expect(t, 1, true, 0, "b", "c")

	for len(table.pending) < maxRequests {
		addRequest(t, table, nil, 0)
	}
	if _, err := table.add(nil, 0, nil, nil); err != adapter.ErrQueueFull {
		t.Errorf("one request too many: %v", err)
	}

	r.remove()
	r = addRequest(t, table, nil, 1)
	for i := range maxMembers { // in one part of two, so none has answered
		r.answer(t, awaited, fmt.Sprint(i), Message{More: true})
	}
	r.answer(t, late, "more", Message{})
}
