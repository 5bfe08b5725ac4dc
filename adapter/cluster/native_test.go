package cluster_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

const (
	uid       = "b0ec62430e44b1c9"
	requestID = "2f4bb153c1fb73aa"
)

// messages are of all kinds, and have all fields.
func messages() []*cluster.Message {
	target := adapter.Target{Rooms: []string{"r", "", "é"}, Except: []string{"x"}}
	event := parser.Body{JSON: []byte(`["e",1,{"a":[null]}]`)}
	binary := parser.Body{JSON: []byte(`["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`), Attachments: [][]byte{{1, 2, 3}, {}}}
	sockets := []cluster.Socket{
		{ID: "s", Handshake: json.RawMessage(`{"time":"now"}`), Rooms: []string{"s", "r"}, Data: json.RawMessage(`{"a":1}`)},
		{ID: "t"},
	}
	list := []*cluster.Message{
		{Kind: cluster.InitialHeartbeat},
		{Kind: cluster.Heartbeat},
		{Kind: cluster.Broadcast, Body: event},
		{Kind: cluster.Broadcast, Body: binary, Target: target, Flags: engine.Volatile | engine.NoCompress, Seq: 1 << 40},
		{Kind: cluster.Broadcast, Body: event, HasAckID: true, AckID: 7},
		{Kind: cluster.Broadcast, Body: binary, RequestID: requestID, Timeout: 1500 * time.Millisecond},
		{Kind: cluster.SocketsJoin, Target: target, Rooms: []string{"a", ""}},
		{Kind: cluster.SocketsLeave, Rooms: []string{"a"}},
		{Kind: cluster.DisconnectSockets, Target: target, CloseConn: true},
		{Kind: cluster.FetchSockets, Target: target, RequestID: requestID},
		{Kind: cluster.FetchSocketsResponse, RequestID: requestID, Sockets: sockets, Part: 3, More: true},
		{Kind: cluster.FetchSocketsResponse, RequestID: requestID},
		{Kind: cluster.ServerSideEmit, Body: binary},
		{Kind: cluster.ServerSideEmit, Body: event, RequestID: requestID},
		{Kind: cluster.ServerSideEmitResponse, Body: parser.Body{JSON: []byte(`[1]`)}, RequestID: requestID},
		{Kind: cluster.BroadcastClientCount, ClientCount: 3, RequestID: requestID},
		{Kind: cluster.BroadcastAck, Body: parser.Body{JSON: []byte(`[]`)}, RequestID: requestID},
		{Kind: cluster.AdapterClose},
		{Kind: cluster.ListSockets, Target: target, RequestID: requestID},
		{Kind: cluster.ListSocketsResponse, Rooms: []string{"a"}, RequestID: requestID},
		{Kind: cluster.ListRooms, RequestID: requestID},
		{Kind: cluster.ListRoomsResponse, Rooms: []string{"a"}, RequestID: requestID},
		{Kind: cluster.Applied, RequestID: requestID},
	}
	for _, m := range list {
		m.Sender, m.Namespace = uid, "/chat"
	}
	return list
}

func encode(t testing.TB, m *cluster.Message) []byte {
	t.Helper()
	wire, err := cluster.Native.Append(nil, m)
	if err != nil {
		t.Fatalf("%+v: %v", m, err)
	}
	return wire
}

func TestNative(t *testing.T) {
	t.Parallel()
	for _, want := range messages() {
		wire := encode(t, want)
		got, err := cluster.Native.Decode(wire, cluster.Limits{})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want\n%+v", got, err, want)
			continue
		}
		checkHeader(t, wire, want)
		if _, err := cluster.Native.Decode(append(wire, "from the future"...), cluster.Limits{}); err != nil {
			t.Errorf("%v with bytes of a later release: %v", want.Kind, err)
		}
	}
}

// checkHeader checks that the header of a wire is that of its message.
func checkHeader(t testing.TB, wire []byte, m *cluster.Message) {
	t.Helper()
	var h cluster.Header
	for range 2 { // also with memory that was used
		if err := cluster.Native.Header(&h, wire, cluster.Limits{}); err != nil {
			t.Fatalf("header of %q: %v", wire, err)
		}
		got := cluster.Message{Kind: h.Kind, Sender: string(h.Sender), Namespace: string(h.Namespace), RequestID: string(h.RequestID), Seq: h.Seq}
		for _, room := range h.Rooms {
			got.Target.Rooms = append(got.Target.Rooms, string(room))
		}
		for _, room := range h.Except {
			got.Target.Except = append(got.Target.Except, string(room))
		}
		want := cluster.Message{Kind: m.Kind, Sender: m.Sender, Namespace: m.Namespace, RequestID: m.RequestID, Seq: m.Seq, Target: m.Target}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("header is %+v, want %+v", got, want)
		}
	}
}

// The bytes of version 1 do not change.
func TestNativeVersion1(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]*cluster.Message{
		"01020000 0000000000 0162 012f 00 00 00 00 00 00 00": {Kind: cluster.Heartbeat, Sender: "b", Namespace: "/"},
		"01031300 a90a dc0b 07 00 00 0162 012f 017a 02017200 010178 00 23" + hex.EncodeToString([]byte(`["e",{"_placeholder":true,"num":0}]`)) + "01020102 00": {
			Kind: cluster.Broadcast, Sender: "b", Namespace: "/", RequestID: "z", Seq: 1321, Timeout: 1500 * time.Millisecond, AckID: 7, HasAckID: true,
			Target: adapter.Target{Rooms: []string{"r", ""}, Except: []string{"x"}}, Flags: engine.Volatile | engine.NoCompress,
			Body: parser.Body{JSON: []byte(`["e",{"_placeholder":true,"num":0}]`), Attachments: [][]byte{{1, 2}}},
		},
		"01060400 0000000000 0162 012f 00 00 00 00 00 00 00": {Kind: cluster.DisconnectSockets, Sender: "b", Namespace: "/", CloseConn: true},
		"01080800 0000000002 0162 012f 017a 00 00 00 00 00 01 0173 027b7d 010172 0131": {
			Kind: cluster.FetchSocketsResponse, Sender: "b", Namespace: "/", RequestID: "z", Part: 2, More: true,
			Sockets: []cluster.Socket{{ID: "s", Handshake: json.RawMessage("{}"), Rooms: []string{"r"}, Data: json.RawMessage("1")}},
		},
	} {
		if got, want := hex.EncodeToString(encode(t, m)), strings.ReplaceAll(want, " ", ""); got != want {
			t.Errorf("%v: got %s, want %s", m.Kind, got, want)
		}
	}
}

func TestNativeRefuses(t *testing.T) {
	t.Parallel()
	for _, m := range messages() {
		wire := encode(t, m)
		for n := range wire {
			if _, err := cluster.Native.Decode(wire[:n], cluster.Limits{}); !errors.Is(err, cluster.ErrMalformed) {
				t.Fatalf("%v: %d of %d bytes: got %v", m.Kind, n, len(wire), err)
			}
		}
	}
	set := func(m *cluster.Message, i int, c byte) []byte {
		wire := encode(t, m)
		wire[i] = c
		return wire
	}
	m := messages()[2]
	for _, test := range []struct {
		wire []byte
		lim  cluster.Limits
		want error
	}{
		{set(m, 0, 2), cluster.Limits{}, cluster.ErrUnknown},
		{set(m, 0, '{'), cluster.Limits{}, cluster.ErrUnknown},
		{set(m, 1, 0), cluster.Limits{}, cluster.ErrUnknown},
		{set(m, 1, 14), cluster.Limits{}, cluster.ErrUnknown},
		{set(m, 1, 255), cluster.Limits{}, cluster.ErrUnknown},
		{set(m, 1, byte(cluster.FetchSockets)), cluster.Limits{}, cluster.ErrMalformed}, // no request ID
		{encode(t, m), cluster.Limits{Bytes: 10}, cluster.ErrLimit},
		{encode(t, m), cluster.Limits{Depth: 1}, cluster.ErrLimit},
		{encode(t, messages()[3]), cluster.Limits{Rooms: 2}, cluster.ErrLimit},
		{encode(t, messages()[3]), cluster.Limits{Attachments: 1}, cluster.ErrLimit},
		{encode(t, messages()[6]), cluster.Limits{Rooms: 1}, cluster.ErrLimit},
		{encode(t, messages()[10]), cluster.Limits{Sockets: 1}, cluster.ErrLimit},
		{bytes.Replace(encode(t, m), []byte(`null`), []byte(`nul!`), 1), cluster.Limits{}, cluster.ErrMalformed},
		{bytes.Replace(encode(t, m), []byte(`/chat`), []byte(`*chat`), 1), cluster.Limits{}, cluster.ErrMalformed},
	} {
		if got, err := cluster.Native.Decode(test.wire, test.lim); !errors.Is(err, test.want) {
			t.Errorf("%q: got %+v, %v, want %v", test.wire, got, err, test.want)
		}
	}
}

// Limits are inclusive. The sockets of an answer have a limit of rooms altogether, too: an empty
// name takes a byte on the wire and more in memory.
func TestNativeLimits(t *testing.T) {
	t.Parallel()
	broadcast := messages()[3] // three rooms, two attachments, arrays in the array of arguments
	answer := &cluster.Message{Kind: cluster.FetchSocketsResponse, RequestID: requestID, Namespace: "/", Sockets: []cluster.Socket{
		{ID: "a", Rooms: make([]string, 10)}, {ID: "b", Rooms: make([]string, 10)},
	}}
	for _, test := range []struct {
		m   *cluster.Message
		lim cluster.Limits
		ok  bool
	}{
		{broadcast, cluster.Limits{Bytes: len(encode(t, broadcast)), Rooms: 3, Attachments: 2, Depth: 1}, true},
		{broadcast, cluster.Limits{Bytes: len(encode(t, broadcast)) - 1}, false},
		{answer, cluster.Limits{Sockets: 2, Rooms: 10}, true},
		{answer, cluster.Limits{Sockets: 2, Rooms: 9}, false},
	} {
		if _, err := cluster.Native.Decode(encode(t, test.m), test.lim); (err == nil) != test.ok || err != nil && !errors.Is(err, cluster.ErrLimit) {
			t.Errorf("%v with %+v: got %v", test.m.Kind, test.lim, err)
		}
	}
	answer.Sockets[0].Rooms = make([]string, 11)
	if _, err := cluster.Native.Decode(encode(t, answer), cluster.Limits{Sockets: 2}); !errors.Is(err, cluster.ErrLimit) {
		t.Errorf("21 rooms of at most 20: got %v", err)
	}
}

// Text that is not UTF-8 makes clients close their connection.
func TestNativeMendsText(t *testing.T) {
	t.Parallel()
	m := &cluster.Message{Kind: cluster.Broadcast, Namespace: "/", Body: parser.Body{JSON: []byte("[\"e\",\"\xff\"]")}}
	got, err := cluster.Native.Decode(encode(t, m), cluster.Limits{})
	if want := "[\"e\",\"\ufffd\"]"; err != nil || string(got.Body.JSON) != want {
		t.Errorf("got %+v, %v, want %s", got, err, want)
	}
}

func TestNativeHeaderAllocatesNothing(t *testing.T) {
	for _, m := range messages() {
		wire := encode(t, m)
		var h cluster.Header
		if n := testing.AllocsPerRun(100, func() {
			if err := cluster.Native.Header(&h, wire, cluster.Limits{}); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%v: %v allocations", m.Kind, n)
		}
		dst := make([]byte, 0, 1<<10)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := cluster.Native.Append(dst, m); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("appending %v: %v allocations", m.Kind, n)
		}
	}
}

// An event refers to its wire: the message, its three texts.
func TestNativeDecodeCopiesNoBody(t *testing.T) {
	m := &cluster.Message{Kind: cluster.Broadcast, Sender: uid, Namespace: "/chat", Body: parser.Body{JSON: []byte(`["e","` + strings.Repeat("x", 1000) + `"]`)}}
	wire := encode(t, m)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := cluster.Native.Decode(wire, cluster.Limits{}); err != nil {
			t.Fatal(err)
		}
	}); n > 3 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzNative checks that no wire causes a panic or disproportionate allocation, that what is
// decoded is valid and has the same Header, and that it survives encoding.
func FuzzNative(f *testing.F) {
	for _, m := range messages() {
		f.Add(encode(f, m))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		var m *cluster.Message
		var err error
		decode := func() { m, err = cluster.Native.Decode(wire, cluster.Limits{}) }
		most := 1<<14 + 64*uint64(len(wire))
		if n := allocated(decode); n > most {
			// The figure includes the fuzzer's own allocations: measure again.
			if n = min(n, allocated(decode)); n > most {
				t.Fatalf("%d bytes were allocated for %d", n, len(wire))
			}
		}
		if err != nil {
			return
		}
		checkHeader(t, wire, m)
		again, err := cluster.Native.Append(nil, m)
		if err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		got, err := cluster.Native.Decode(again, cluster.Limits{})
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Fatalf("got %+v, %v, want\n%+v", got, err, m)
		}
	})
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func BenchmarkNativeHeader(b *testing.B) {
	m := &cluster.Message{Kind: cluster.Broadcast, Sender: uid, Namespace: "/chat", Target: adapter.Target{Rooms: []string{"room"}}, Body: parser.Body{JSON: []byte(`["event","` + strings.Repeat("x", 200) + `"]`)}}
	wire := encode(b, m)
	var h cluster.Header
	b.ReportAllocs()
	for b.Loop() {
		if err := cluster.Native.Header(&h, wire, cluster.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
