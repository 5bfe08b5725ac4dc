package nodewire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/adapter/cluster/nodewire"
	"github.com/seed96b07ef8/socketio/parser"
)

// A Message that could harm a member of the reference implementation is not written.
func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	const id = "2f4bb153c1fb73aa"
	binary := body(`["e",{"_placeholder":true,"num":0}]`, []byte{1})
	for name, codec := range codecs {
		for _, test := range []struct {
			m    cluster.Message
			want error
		}{
			{cluster.Message{Kind: cluster.Broadcast, Body: body(`["e"]`)}, cluster.ErrInvalid}, // no namespace
			{cluster.Message{Kind: cluster.Broadcast, Namespace: "/", Target: adapter.Target{Rooms: []string{}}, Body: body(`["e"]`)}, cluster.ErrInvalid},
			{cluster.Message{Kind: cluster.Broadcast, Namespace: "/"}, cluster.ErrInvalid},
			{cluster.Message{Kind: cluster.FetchSockets, Namespace: "/"}, cluster.ErrInvalid},
			{cluster.Message{Kind: cluster.BroadcastAck, Namespace: "/", RequestID: id, Body: body(`[1`)}, cluster.ErrInvalid},
			{cluster.Message{Kind: cluster.BroadcastAck, Namespace: "/", RequestID: id, Body: body(`[nul]`)}, cluster.ErrInvalid},
			{cluster.Message{Kind: 14, Namespace: "/"}, cluster.ErrUnsupported},
			{cluster.Message{Kind: cluster.ListRooms, Namespace: "/", RequestID: id}, cluster.ErrUnsupported},
			{cluster.Message{Kind: cluster.Broadcast, Namespace: "/", Body: binary}, cluster.ErrBinary},
			{cluster.Message{Kind: cluster.Broadcast, Namespace: "/", Body: body(`["e",nul,{"_placeholder":true,"num":0}]`, []byte{1})}, cluster.ErrInvalid},
		} {
			want := test.want
			switch {
			case want == cluster.ErrBinary && name != "json", want == cluster.ErrUnsupported && name == "classic" && test.m.Kind != 14:
				want = nil
			case name == "classic" && test.m.Kind == 14:
				want = cluster.ErrInvalid
			}
			if got, err := codec.Append(nil, &test.m); !errors.Is(err, want) {
				t.Errorf("%s: %+v: got %q, %v, want %v", name, test.m, got, err, want)
			}
		}
	}
}

// Only the first result is sent, as a client's acknowledgement has one.
func TestAppendOneResult(t *testing.T) {
	t.Parallel()
	m := &cluster.Message{Kind: cluster.BroadcastAck, Sender: "a", Namespace: "/", RequestID: "i", Body: body(` [ 1 , 2 ] `)}
	m.Body.JSON = m.Body.JSON[1:]
	const want = `{"type":12,"data":{"requestId":"i","packet":1},"uid":"a","nsp":"/"}`
	if got, err := nodewire.JSON.Append(nil, m); err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// Each of these is refused, by Header too if it concerns the header.
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	broadcast := func(packet, opts string) string {
		return `{"type":3,"data":{"packet":` + packet + `,"opts":` + opts + `},"uid":"a","nsp":"/"}`
	}
	const packet, opts = `{"type":2,"data":["e"]}`, `{"rooms":[],"except":[],"flags":{}}`
	if _, err := nodewire.JSON.Decode([]byte(broadcast(packet, opts)), cluster.Limits{}); err != nil {
		t.Fatal(err)
	}
	list := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(`"",`, n), ",") + "]" }
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, test := range []struct {
		wire string
		want error
	}{
		{``, cluster.ErrMalformed}, {`{`, cluster.ErrMalformed}, {`[]`, cluster.ErrMalformed}, {`null`, cluster.ErrMalformed}, {`{}`, cluster.ErrMalformed}, {"\x80", cluster.ErrMalformed},
		{`{"type":1,"uid":"a","nsp":"/"}x`, cluster.ErrMalformed}, {`{"type":1,"uid":"a" "nsp":"/"}`, cluster.ErrMalformed}, {`{"type":1,}`, cluster.ErrMalformed},
		{`{"type":"1"}`, cluster.ErrMalformed}, {`{"type":1.5}`, cluster.ErrMalformed}, {`{"type":null}`, cluster.ErrMalformed}, {`{"type":{}}`, cluster.ErrMalformed},
		{`{"type":0}`, cluster.ErrUnknown}, {`{"type":14}`, cluster.ErrUnknown}, {`{"type":-1}`, cluster.ErrUnknown}, {`{"type":259}`, cluster.ErrUnknown},
		{`{"type":1,"uid":7}`, cluster.ErrMalformed}, {`{"type":1,"nsp":["/"]}`, cluster.ErrMalformed}, {`{"type":1,"nsp":"chat"}`, cluster.ErrMalformed}, {`{"type":1,"data":[]}`, cluster.ErrMalformed},
		{`{"type":3,"uid":"a","nsp":"/"}`, cluster.ErrMalformed}, {`{"type":3,"data":{}}`, cluster.ErrMalformed}, {`{"type":3,"data":null}`, cluster.ErrMalformed},
		{`{"type":3,"data":{"packet":` + packet + `}}`, cluster.ErrMalformed}, {`{"type":3,"data":{"opts":` + opts + `}}`, cluster.ErrMalformed},
		{`{"type":4,"data":{"rooms":["x"]}}`, cluster.ErrMalformed}, {`{"type":6,"data":{"close":true}}`, cluster.ErrMalformed}, {`{"type":7,"data":{"requestId":"i"}}`, cluster.ErrMalformed},
		{`{"type":7,"data":{"opts":` + opts + `}}`, cluster.ErrMalformed}, {`{"type":8,"data":{"requestId":"i"}}`, cluster.ErrMalformed}, {`{"type":8,"data":{"requestId":"i","sockets":{}}}`, cluster.ErrMalformed},
		{`{"type":8,"data":{"requestId":"i","sockets":[1]}}`, cluster.ErrMalformed}, {`{"type":8,"data":{"requestId":"i","sockets":[{"id":{}}]}}`, cluster.ErrMalformed},
		{`{"type":8,"data":{"requestId":"i","sockets":[{"rooms":1}]}}`, cluster.ErrMalformed}, {`{"type":8,"data":{"sockets":[]}}`, cluster.ErrMalformed},
		{`{"type":9,"data":{}}`, cluster.ErrMalformed}, {`{"type":9,"data":{"packet":"e"}}`, cluster.ErrMalformed}, {`{"type":9,"data":{"packet":[]}}`, cluster.ErrMalformed},
		{`{"type":10,"data":{"packet":1}}`, cluster.ErrMalformed}, {`{"type":11,"data":{"requestId":"i","clientCount":-1}}`, cluster.ErrMalformed}, {`{"type":11,"data":{"requestId":"i","clientCount":"1"}}`, cluster.ErrMalformed},
		{`{"type":12,"data":{"requestId":{},"packet":1}}`, cluster.ErrMalformed}, {`{"type":12,"data":{"packet":1}}`, cluster.ErrMalformed},
		{broadcast(`{"type":2,"data":[]}`, opts), cluster.ErrMalformed}, {broadcast(`{"type":2,"data":["connect"]}`, opts), cluster.ErrMalformed}, {broadcast(`{"type":2,"data":{}}`, opts), cluster.ErrMalformed},
		{broadcast(`{"type":0,"data":["e"]}`, opts), cluster.ErrMalformed}, {broadcast(`{"type":3,"data":["e"]}`, opts), cluster.ErrMalformed}, {broadcast(`{"data":["e"]}`, opts), cluster.ErrMalformed},
		{broadcast(`{"type":2}`, opts), cluster.ErrMalformed}, {broadcast(`{"type":2,"data":["e"],"id":-1}`, opts), cluster.ErrMalformed}, {broadcast(`{"type":2,"data":["e"],"id":"1"}`, opts), cluster.ErrMalformed},
		{broadcast(`["e"]`, opts), cluster.ErrMalformed}, {broadcast(`null`, opts), cluster.ErrMalformed}, {broadcast(`{"type":2,"data":["e",]}`, opts), cluster.ErrMalformed},
		{broadcast(packet, `{"rooms":"r"}`), cluster.ErrMalformed}, {broadcast(packet, `{"rooms":[null]}`), cluster.ErrMalformed}, {broadcast(packet, `{"rooms":[["r"]]}`), cluster.ErrMalformed},
		{broadcast(packet, `{"except":{}}`), cluster.ErrMalformed}, {broadcast(packet, `{"flags":[]}`), cluster.ErrMalformed}, {broadcast(packet, `null`), cluster.ErrMalformed}, {broadcast(packet, `[]`), cluster.ErrMalformed},
		{broadcast(packet, `{"rooms":`+list(10_001)+`}`), cluster.ErrLimit}, {broadcast(packet, `{"except":`+list(10_001)+`}`), cluster.ErrLimit},
		{`{"type":4,"data":{"opts":` + opts + `,"rooms":` + list(10_001) + `}}`, cluster.ErrLimit},
		{broadcast(`{"type":2,"data":["e",`+nested(513)+`]}`, opts), cluster.ErrLimit}, {`{"x":` + nested(600) + `,"type":1}`, cluster.ErrLimit},
		{`{"type":1,"x":"` + strings.Repeat("x", 17<<20) + `"}`, cluster.ErrLimit},
	} {
		if m, err := nodewire.JSON.Decode([]byte(test.wire), cluster.Limits{}); !errors.Is(err, test.want) {
			t.Errorf("%.200s: got %+v, %v, want %v", test.wire, m, err, test.want)
		}
	}
	for _, wire := range []string{broadcast(packet, `{"rooms":`+list(10_000)+`}`), broadcast(`{"type":2,"data":["e",`+nested(512)+`]}`, opts)} {
		if _, err := nodewire.JSON.Decode([]byte(wire), cluster.Limits{}); err != nil {
			t.Errorf("%.100s: %v", wire, err)
		}
	}
}

// The sockets of an answer have a limit of rooms altogether, too: an empty name takes three bytes
// on the wire and more in memory.
func TestDecodeLimitsRooms(t *testing.T) {
	t.Parallel()
	const empty = `"","","","","","","","","",""`
	wire := `{"type":8,"data":{"requestId":"i","sockets":[{"rooms":[` + empty + `]},{"rooms":[` + empty + `]}]}}`
	if _, err := nodewire.JSON.Decode([]byte(wire), cluster.Limits{Sockets: 2, Rooms: 10}); err != nil {
		t.Error(err)
	}
	for _, lim := range []cluster.Limits{{Sockets: 1}, {Rooms: 9}} {
		if _, err := nodewire.JSON.Decode([]byte(wire), lim); !errors.Is(err, cluster.ErrLimit) {
			t.Errorf("%+v: got %v", lim, err)
		}
	}
	wire = strings.Replace(wire, `""`, `"",""`, 1)
	if _, err := nodewire.JSON.Decode([]byte(wire), cluster.Limits{Sockets: 2}); !errors.Is(err, cluster.ErrLimit) {
		t.Errorf("21 rooms of at most 20: got %v", err)
	}
	attachments := hexOf(t, `84 a4 'type' 03 a4 'data' 82 a6 'packet' 82 a4 'type' 02 a4 'data' 93 a1 'e' c400 c400 a4 'opts' 80 a3 'uid' a1 'a' a3 'nsp' a1 '/'`)
	for most, want := range map[int]error{1: cluster.ErrLimit, 2: nil} {
		if _, err := nodewire.Pack.Decode([]byte(attachments), cluster.Limits{Attachments: most}); !errors.Is(err, want) {
			t.Errorf("two attachments of at most %d: got %v", most, err)
		}
	}
}

// What members other than the reference implementation may write in another way.
func TestDecodeIsLenient(t *testing.T) {
	t.Parallel()
	want := &cluster.Message{Kind: cluster.Broadcast, Sender: "a", Namespace: "/", Target: rooms("7", "r"), Body: body(`["e"]`)}
	for _, wire := range []string{
		`{"type":3,"data":{"packet":{"type":2,"data":["e"]},"opts":{"rooms":[7,"r"]}},"uid":"a","nsp":"/"}`,
		` { "nsp" : "/" , "uid" : "a" , "nodeId" : { "a" : [ 1 ] } , "data" : { "opts" : { "flags" : { "local" : true , "x" : [ ] , "timeout" : "soon" } , "rooms" : [ 7 , "r" ] , "except" : null } , "requestId" : null , "packet" : { "nsp" : "/x" , "id" : null , "data" : ["e"] , "type" : 5 } } , "type" : 3 } `,
		`{"type":1,"type":3,"uid":"\u0061","nsp":"\/","data":{"packet":null,"packet":{"type":2,"data":["e"]},"opts":{"rooms":["7","\u0072"]}}}`,
	} {
		codec := nodewire.JSON
		if wire[0] == ' ' {
			wire = wire[1:] // the first byte distinguishes JSON
		}
		got, err := codec.Decode([]byte(wire), cluster.Limits{})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got\n%+v, %v, want\n%+v", wire, got, err, want)
			continue
		}
		checkHeader(t, codec, []byte(wire), got)
	}
}

// Every beginning of a wire, and wires with changed bytes, are refused or decoded, and do not
// panic.
func TestDecodeBrokenWires(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	seen := make(map[string]bool)
	for _, s := range corpus(t) {
		if kind := s.Adapter + fmt.Sprint(strings.Fields(s.Name)[0]); seen[kind] || len(s.Wire) > 1<<10 {
			continue
		} else {
			seen[kind] = true
		}
		codec := codecs[s.Adapter]
		for n := range s.Wire {
			m, err := codec.Decode(s.Wire[:n:n], cluster.Limits{})
			if err == nil && s.Adapter != "entry" { // whose last field may be absent
				t.Errorf("%s: %d of %d bytes of %q are %+v", s.Adapter, n, len(s.Wire), s.Wire, m)
			}
		}
		for range 200 {
			wire := append([]byte(nil), s.Wire...)
			for range 1 + random.IntN(3) {
				wire[random.IntN(len(wire))] = byte(random.Uint32())
			}
			checkWire(t, codec, wire)
		}
	}
}

// checkWire checks what must hold for any wire: that decoding reports an error of the package, or
// a valid message that has the same header, and that survives encoding.
func checkWire(t testing.TB, codec cluster.Codec, wire []byte) {
	t.Helper()
	m, err := codec.Decode(wire, cluster.Limits{})
	if err != nil {
		if !errors.Is(err, cluster.ErrMalformed) && !errors.Is(err, cluster.ErrUnknown) && !errors.Is(err, cluster.ErrLimit) {
			t.Fatalf("%q: %v", wire, err)
		}
		return
	}
	if err := m.Validate(); err != nil {
		t.Fatalf("%q: %v", wire, err)
	}
	checkHeader(t, codec, wire, m)
	if m.Namespace == "" {
		m.Namespace = "/" // the channel's
	}
	again, err := codec.Append(nil, m)
	if err != nil {
		if errors.Is(err, cluster.ErrBinary) {
			return
		}
		t.Fatalf("%q: encoding %+v: %v", wire, m, err)
	}
	got, err := codec.Decode(again, cluster.Limits{Depth: 600})
	if err != nil {
		t.Fatalf("%q became %q: %v", wire, again, err)
	}
	if got.Namespace == "" {
		got.Namespace = "/"
	}
	if m.Kind == cluster.SocketsJoin || m.Kind == cluster.SocketsLeave || m.Kind == cluster.DisconnectSockets {
		m.RequestID = "" // of old members only
	}
	normalize(m)
	normalize(got)
	if !reflect.DeepEqual(got, m) {
		t.Fatalf("%q became %q:\n%+v became\n%+v", wire, again, m, got)
	}
}

// normalize replaces what codecs write in another way than they read it.
func normalize(m *cluster.Message) {
	m.Sender, m.Namespace, m.RequestID = valid(m.Sender), valid(m.Namespace), valid(m.RequestID)
	if m.Sender == cluster.Emitter {
		m.Sender = "" // in commands of the classic adapter
	}
	for _, list := range []*[]string{&m.Target.Rooms, &m.Target.Except, &m.Rooms} {
		*list = validAll(*list)
	}
	for i := range m.Sockets {
		s := &m.Sockets[i]
		s.ID, s.Rooms = valid(s.ID), validAll(s.Rooms)
		s.Handshake, s.Data = normalJSON(s.Handshake), normalJSON(s.Data)
	}
	m.Body.JSON = normalJSON(m.Body.JSON)
	if len(m.Body.Attachments) > 0 {
		m.Body = parser.Body{} // may become text
	}
}

// normalJSON returns the values of JSON text as Go spells them.
func normalJSON(text []byte) []byte {
	var v any
	if len(text) == 0 || json.Unmarshal(text, &v) != nil {
		return nil
	}
	if m, ok := v.(map[string]any); ok && len(m) == 0 {
		return nil // an empty object is written in place of nothing
	}
	normal, err := json.Marshal(v)
	if err != nil {
		panic(err) // it was decoded from JSON
	}
	return normal
}

func valid(s string) string { return string([]rune(s)) }

func validAll(list []string) (all []string) {
	for _, s := range list {
		all = append(all, valid(s))
	}
	return all
}
