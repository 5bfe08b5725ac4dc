package nodewire_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/adapter/cluster/nodewire"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

func body(text string, attachments ...[]byte) parser.Body {
	return parser.Body{JSON: []byte(text), Attachments: attachments}
}

func rooms(names ...string) adapter.Target { return adapter.Target{Rooms: names} }

// hexOf returns the bytes of hexadecimal digits, in which 'text' stands for itself.
func hexOf(t testing.TB, s string) string {
	t.Helper()
	var b strings.Builder
	for i, part := range strings.Split(s, "'") {
		if i%2 == 1 {
			b.WriteString(part)
			continue
		}
		bytes, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		b.Write(bytes)
	}
	return b.String()
}

// What the reference implementation writes, captured from its packages.
func TestGolden(t *testing.T) {
	t.Parallel()
	const sender = "919d28d8c9573d9c"
	volatile := engine.Volatile | engine.NoCompress
	except := func(target adapter.Target, names ...string) adapter.Target {
		target.Except = names
		return target
	}
	fields := func(s string) string {
		var wire []byte
		parts := strings.Split(s, " ")
		for i := 0; i < len(parts); i += 2 {
			wire = nodewire.AppendField(wire, parts[i], parts[i+1])
		}
		return string(wire)
	}
	for _, test := range []struct {
		adapter string
		m       cluster.Message
		want    string
	}{
		{"classic", cluster.Message{Kind: cluster.Broadcast, Sender: "DJEXMt", Body: body(`["hi",1,null,null,{"b":1.5}]`)},
			hexOf(t, `93 a6 'DJEXMt' 83 a4 'type' 02 a4 'data' 95 a2 'hi' 01 c0 c0 81 a1 'b' cb3ff8000000000000 a3 'nsp' a1 '/' 83 a5 'rooms' 90 a6 'except' 90 a5 'flags' 80`)},
		{"classic", cluster.Message{Kind: cluster.Broadcast, Sender: "DJEXMt", Body: body(`["hi"]`), Target: except(rooms("r1"), "r2"), Flags: volatile},
			hexOf(t, `93 a6 'DJEXMt' 83 a4 'type' 02 a4 'data' 91 a2 'hi' a3 'nsp' a1 '/' 83 a5 'rooms' 91 a2 'r1' a6 'except' 91 a2 'r2' a5 'flags' 82 a8 'volatile' c3 a8 'compress' c2`)},
		{"classic", cluster.Message{Kind: cluster.Broadcast, Sender: "emitter", Body: body(`["e",1]`), Target: rooms("r")},
			hexOf(t, `93 a7 'emitter' 83 a4 'type' 02 a4 'data' 92 a1 'e' 01 a3 'nsp' a1 '/' 83 a5 'rooms' 91 a1 'r' a5 'flags' 80 a6 'except' 90`)},
		{"classic", cluster.Message{Kind: cluster.Broadcast, Sender: "DJEXMt", RequestID: "tf8y83", Body: body(`["ev"]`), Timeout: 500 * time.Millisecond},
			hexOf(t, `85 a3 'uid' a6 'DJEXMt' a9 'requestId' a6 'tf8y83' a4 'type' 07 a6 'packet' 83 a4 'type' 02 a4 'data' 91 a2 'ev' a3 'nsp' a1 '/' a4 'opts' 83 a5 'rooms' 90 a6 'except' 90 a5 'flags' 81 a7 'timeout' cd01f4`)},
		{"classic", cluster.Message{Kind: cluster.SocketsJoin, Sender: "DJEXMt", Target: rooms("r1"), Rooms: []string{"x", "y"}},
			`{"uid":"DJEXMt","type":2,"opts":{"rooms":["r1"],"except":[]},"rooms":["x","y"]}`},
		{"classic", cluster.Message{Kind: cluster.SocketsLeave, Sender: "DJEXMt", Target: rooms("r1"), Rooms: []string{"x"}},
			`{"uid":"DJEXMt","type":3,"opts":{"rooms":["r1"],"except":[]},"rooms":["x"]}`},
		{"classic", cluster.Message{Kind: cluster.DisconnectSockets, Sender: "DJEXMt", CloseConn: true},
			`{"uid":"DJEXMt","type":4,"opts":{"rooms":[],"except":[]},"close":true}`},
		{"classic", cluster.Message{Kind: cluster.FetchSockets, Sender: "DJEXMt", RequestID: "tf8y83"},
			`{"uid":"DJEXMt","requestId":"tf8y83","type":5,"opts":{"rooms":[],"except":[]}}`},
		{"classic", cluster.Message{Kind: cluster.ServerSideEmit, Sender: "DJEXMt", Body: body(`["ev",1,{"a":2}]`)},
			`{"uid":"DJEXMt","type":6,"data":["ev",1,{"a":2}]}`},
		{"classic", cluster.Message{Kind: cluster.ServerSideEmit, Sender: "DJEXMt", RequestID: "tf8y83", Body: body(`["ev",1]`)},
			`{"uid":"DJEXMt","requestId":"tf8y83","type":6,"data":["ev",1]}`},

		{"sharded", cluster.Message{Kind: cluster.Broadcast, Sender: sender, Body: body(`["hi"]`), Target: except(rooms("r1"), "r2"), Flags: volatile},
			`{"type":3,"data":{"packet":{"type":2,"data":["hi"]},"opts":{"rooms":["r1"],"except":["r2"],"flags":{"volatile":true,"compress":false}}},"uid":"919d28d8c9573d9c","nsp":"/"}`},
		{"sharded", cluster.Message{Kind: cluster.Broadcast, Sender: sender, RequestID: "2f4bb153c1fb73aa", Body: body(`["hi"]`), Timeout: 500 * time.Millisecond},
			`{"type":3,"data":{"packet":{"type":2,"data":["hi"]},"requestId":"2f4bb153c1fb73aa","opts":{"rooms":[],"except":[],"flags":{"timeout":500}}},"uid":"919d28d8c9573d9c","nsp":"/"}`},
		{"sharded", cluster.Message{Kind: cluster.FetchSockets, Sender: sender, RequestID: "2f4bb153c1fb73aa"},
			`{"type":7,"data":{"opts":{"rooms":[],"except":[],"flags":{}},"requestId":"2f4bb153c1fb73aa"},"uid":"919d28d8c9573d9c","nsp":"/"}`},
		{"sharded", cluster.Message{Kind: cluster.ServerSideEmit, Sender: sender, RequestID: "2f4bb153c1fb73aa", Body: body(`["ev",1]`)},
			`{"type":9,"data":{"requestId":"2f4bb153c1fb73aa","packet":["ev",1]},"uid":"919d28d8c9573d9c","nsp":"/"}`},

		{"entry", cluster.Message{Kind: cluster.Broadcast, Sender: "118c6f1f147dd74a", Body: body(`["hi"]`), Target: except(rooms("r1"), "r2"), Flags: volatile},
			fields(`uid 118c6f1f147dd74a nsp / type 3 data {"packet":{"type":2,"data":["hi"]},"opts":{"rooms":["r1"],"except":["r2"],"flags":{"volatile":true,"compress":false}}}`)},
		{"entry", cluster.Message{Kind: cluster.Broadcast, Sender: "118c6f1f147dd74a", Body: body(`["bin",{"_placeholder":true,"num":0}]`, []byte{1, 2}), Target: rooms("a", "b")},
			fields(`uid 118c6f1f147dd74a nsp / type 3 data gqZwYWNrZXSCpHR5cGUCpGRhdGGSo2JpbsQCAQKkb3B0c4Olcm9vbXOSoWGhYqZleGNlcHSQpWZsYWdzgA==`)},

		{"json", cluster.Message{Kind: cluster.Broadcast, Sender: "b0ec62430e44b1c9", Body: body(`["hi",1]`), Target: except(rooms("r"), "x")},
			`{"type":3,"data":{"packet":{"type":2,"data":["hi",1]},"opts":{"rooms":["r"],"except":["x"],"flags":{}}},"uid":"b0ec62430e44b1c9","nsp":"/"}`},
		{"json", cluster.Message{Kind: cluster.InitialHeartbeat, Sender: "b0ec62430e44b1c9"}, `{"type":1,"uid":"b0ec62430e44b1c9","nsp":"/"}`},
		{"json", cluster.Message{Kind: cluster.Heartbeat, Sender: "b0ec62430e44b1c9"}, `{"type":2,"uid":"b0ec62430e44b1c9","nsp":"/"}`},
		{"json", cluster.Message{Kind: cluster.AdapterClose, Sender: "b0ec62430e44b1c9"}, `{"type":13,"uid":"b0ec62430e44b1c9","nsp":"/"}`},
		{"json", cluster.Message{Kind: cluster.BroadcastClientCount, Sender: "b0ec62430e44b1c9", RequestID: "abc"},
			`{"type":11,"data":{"requestId":"abc","clientCount":0},"uid":"b0ec62430e44b1c9","nsp":"/"}`},
		{"json", cluster.Message{Kind: cluster.FetchSocketsResponse, Sender: "b0ec62430e44b1c9", RequestID: "abc"},
			`{"type":8,"data":{"requestId":"abc","sockets":[]},"uid":"b0ec62430e44b1c9","nsp":"/"}`},
	} {
		codec := codecs[test.adapter]
		m := test.m
		m.Namespace = "/"
		got, err := codec.Append([]byte("before"), &m)
		if err != nil || string(got) != "before"+test.want {
			t.Errorf("%s %v: got\n%q, %v, want\n%q", test.adapter, m.Kind, got, err, test.want)
			continue
		}
		again, err := codec.Decode([]byte(test.want), cluster.Limits{})
		if err == nil && again.Namespace == "" {
			again.Namespace = "/" // the channel's
		}
		if err != nil || !reflect.DeepEqual(again, &m) {
			t.Errorf("%s %v: got\n%+v, %v, want\n%+v", test.adapter, m.Kind, again, err, &m)
		}
	}
}

func TestAttachment(t *testing.T) {
	t.Parallel()
	m := &cluster.Message{Kind: cluster.Broadcast, Sender: "b0ec62430e44b1c9", Namespace: "/"}
	const want = `{"uid":"b0ec62430e44b1c9","type":3,"attachmentId":"7"}`
	if got := nodewire.AppendAttachment(nil, m, "7"); string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if id, sender, err := nodewire.AttachmentID([]byte(want), cluster.Limits{}); id != "7" || sender != m.Sender || err != nil {
		t.Errorf("got %q, %q, %v", id, sender, err)
	}
	// A message without one, a number, what is not an ID.
	for wire, want := range map[string]string{
		`{"type":2,"uid":"a","nsp":"/"}`: "", `{"attachmentId":12,"uid":"a"}`: "12", `{"attachmentId":null}`: "",
	} {
		if id, _, err := nodewire.AttachmentID([]byte(wire), cluster.Limits{}); id != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", wire, id, err, want)
		}
	}
	for _, wire := range []string{``, `[]`, `{"attachmentId":"7;DROP"}`, `{"attachmentId":-7}`, `{"attachmentId":{}}`, `{"attachmentId":"7"`, `{"uid":7}`} {
		if id, _, err := nodewire.AttachmentID([]byte(wire), cluster.Limits{}); err == nil {
			t.Errorf("%s: got %q", wire, id)
		}
	}
}

// The fields of an entry are those that XADD gets.
func TestFields(t *testing.T) {
	t.Parallel()
	wire, err := nodewire.StreamEntry.Append(nil, &cluster.Message{Kind: cluster.SocketsLeave, Sender: "u", Namespace: "/", Rooms: []string{"x"}, Seq: 12})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, value := range nodewire.Fields(wire) {
		got = append(got, name, value)
	}
	want := []string{"uid", "u", "nsp", "/", "type", "5", "data", `{"opts":{"rooms":[],"except":[],"flags":{}},"rooms":["x"]}`, "n", "12"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for n := range wire { // the fields that are complete
		count := 0
		for name, value := range nodewire.Fields(wire[:n]) {
			if name != want[count] || value != want[count+1] {
				t.Fatalf("%d bytes: field %q is %q", n, name, value)
			}
			count += 2
		}
	}
	for name := range nodewire.Fields(wire) {
		if name == "nsp" {
			break
		}
	}
}

// What old members of a cluster with the classic adapter ask for.
func TestClassicOldMembers(t *testing.T) {
	t.Parallel()
	for wire, want := range map[string]cluster.Message{
		`{"uid":"a","requestId":"i","type":0,"rooms":["r"]}`:               {Kind: cluster.ListSockets, Sender: "a", RequestID: "i", Target: rooms("r")},
		`{"uid":"a","requestId":"i","type":1}`:                             {Kind: cluster.ListRooms, Sender: "a", RequestID: "i"},
		`{"uid":"a","requestId":"i","type":2,"sid":"s","room":"r"}`:        {Kind: cluster.SocketsJoin, Sender: "a", RequestID: "i", Target: rooms("s"), Rooms: []string{"r"}},
		`{"uid":"a","requestId":"i","type":3,"sid":"s","room":7}`:          {Kind: cluster.SocketsLeave, Sender: "a", RequestID: "i", Target: rooms("s"), Rooms: []string{"7"}},
		`{"uid":"a\t","requestId":"\\","type":4,"sid":"s\"","close":true}`: {Kind: cluster.DisconnectSockets, Sender: "a\t", RequestID: "\\", Target: rooms("s\""), CloseConn: true},
		`{"uid":"a","requestId":"\n","type":0,"rooms":["\"","\t"]}`:        {Kind: cluster.ListSockets, Sender: "a", RequestID: "\n", Target: rooms("\"", "\t")},
		`{"uid":"a","requestId":"i","type":4,"sid":"s\n","close":true}`:    {Kind: cluster.DisconnectSockets, Sender: "a", RequestID: "i", Target: rooms("s\n"), CloseConn: true},
		`{"requestId":"i","sockets":["a","b"]}`:                            {Kind: cluster.ListSocketsResponse, RequestID: "i", Rooms: []string{"a", "b"}},
		`{"requestId":"i","rooms":["a"]}`:                                  {Kind: cluster.ListRoomsResponse, RequestID: "i", Rooms: []string{"a"}},
		`{"requestId":"i"}`:                                                {Kind: cluster.Applied, RequestID: "i"},
		`{"requestId":"i","sockets":[]}`:                                   {Kind: cluster.FetchSocketsResponse, RequestID: "i"},
		`{"requestId":"i","sockets":[{"id":"a","rooms":[1],"data":{}}]}`:   {Kind: cluster.FetchSocketsResponse, RequestID: "i", Sockets: []cluster.Socket{{ID: "a", Rooms: []string{"1"}, Data: json.RawMessage("{}")}}},
	} {
		got, err := nodewire.Classic.Decode([]byte(wire), cluster.Limits{})
		if err != nil || !reflect.DeepEqual(got, &want) {
			t.Errorf("%s: got\n%+v, %v, want\n%+v", wire, got, err, &want)
			continue
		}
		checkHeader(t, nodewire.Classic, []byte(wire), got)
	}
}

// What only this module's nodes write.
func TestClassicOfGo(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]cluster.Message{
		`{"uid":"a","type":101}`:                                {Kind: cluster.InitialHeartbeat, Sender: "a"},
		`{"uid":"a","type":102}`:                                {Kind: cluster.Heartbeat, Sender: "a"},
		`{"uid":"a","type":113}`:                                {Kind: cluster.AdapterClose, Sender: "a"},
		`{"type":8,"requestId":"i","clientCount":2,"from":"a"}`: {Kind: cluster.BroadcastClientCount, Sender: "a", RequestID: "i", ClientCount: 2},
		`{"requestId":"i","sockets":["s"],"from":"a"}`:          {Kind: cluster.ListSocketsResponse, Sender: "a", RequestID: "i", Rooms: []string{"s"}},
		`{"requestId":"i","rooms":["r"],"from":"a"}`:            {Kind: cluster.ListRoomsResponse, Sender: "a", RequestID: "i", Rooms: []string{"r"}},
		`{"requestId":"i","from":"a"}`:                          {Kind: cluster.Applied, Sender: "a", RequestID: "i"},
		`{"type":6,"requestId":"i","data":[1],"from":"a"}`:      {Kind: cluster.ServerSideEmitResponse, Sender: "a", RequestID: "i", Body: body(`[[1]]`)},
	} {
		m.Namespace = "/"
		got, err := nodewire.Classic.Append(nil, &m)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
		again, err := nodewire.Classic.Decode(got, cluster.Limits{})
		if m.Namespace = ""; err != nil || !reflect.DeepEqual(again, &m) {
			t.Errorf("%s: got\n%+v, %v, want\n%+v", got, again, err, &m)
		}
	}
}

// In the classic adapter's JSON, binary data becomes what JSON.stringify makes of a Buffer.
func TestClassicBinary(t *testing.T) {
	t.Parallel()
	m := &cluster.Message{Kind: cluster.ServerSideEmit, Sender: "a", Namespace: "/",
		Body: body(`["e",{"b":{"_placeholder":true,"num":1}},"{\"_placeholder\":true,\"num\":0}",{"_placeholder":true,"num":0}]`, []byte{1, 255}, nil)}
	const want = `{"uid":"a","type":6,"data":["e",{"b":{"type":"Buffer","data":[]}},"{\"_placeholder\":true,\"num\":0}",{"type":"Buffer","data":[1,255]}]}`
	if got, err := nodewire.Classic.Append(nil, m); err != nil || string(got) != want {
		t.Errorf("got\n%s, %v, want\n%s", got, err, want)
	}
	// Another member than those that this module writes.
	m.Body = body(`["e",{"_placeholder":true,"num":0,"x":1}]`, []byte{7})
	if got, err := nodewire.Classic.Append(nil, m); err != nil || string(got) != `{"uid":"a","type":6,"data":["e",{"_placeholder":true,"num":0,"x":1}]}` {
		t.Errorf("got %s, %v", got, err)
	}
	m = &cluster.Message{Kind: cluster.ServerSideEmitResponse, RequestID: "i", Namespace: "/", Body: body(`[{"_placeholder":true,"num":0}]`, []byte{7})}
	if got, err := nodewire.Classic.Append(nil, m); err != nil || string(got) != `{"type":6,"requestId":"i","data":{"type":"Buffer","data":[7]}}` {
		t.Errorf("got %s, %v", got, err)
	}
}

// What the corpus does not have.
func TestMore(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		adapter string
		m       cluster.Message
		want    string
	}{
		// A socket's own event, with connection state recovery.
		{"json", cluster.Message{Kind: cluster.Broadcast, Sender: "a", Target: rooms("s"), Body: body(`["e"]`), HasAckID: true, AckID: 7},
			`{"type":3,"data":{"packet":{"type":2,"data":["e"],"id":7},"opts":{"rooms":["s"],"except":[],"flags":{}}},"uid":"a","nsp":"/"}`},
		{"classic", cluster.Message{Kind: cluster.Broadcast, Sender: "a", Body: body(`["e"]`), HasAckID: true},
			hexOf(t, `93 a1 'a' 84 a4 'type' 02 a4 'data' 91 a1 'e' a2 'id' 00 a3 'nsp' a1 '/' 83 a5 'rooms' 90 a6 'except' 90 a5 'flags' 80`)},
		{"classic", cluster.Message{Kind: cluster.ListSockets, Sender: "a", RequestID: "i", Target: rooms("r", `"`)}, `{"uid":"a","requestId":"i","type":0,"rooms":["r","\""]}`},
		{"classic", cluster.Message{Kind: cluster.ListRooms, Sender: "a", RequestID: "i"}, `{"uid":"a","requestId":"i","type":1}`},
		{"pack", cluster.Message{Kind: cluster.Broadcast, Sender: "a", Body: body(`["e"]`), RequestID: "i", Timeout: 70 * time.Second, Flags: engine.Volatile},
			hexOf(t, `84 a4 'type' 03 a4 'data' 83 a6 'packet' 82 a4 'type' 02 a4 'data' 91 a1 'e' a9 'requestId' a1 'i' a4 'opts' 83 a5 'rooms' 90 a6 'except' 90 a5 'flags' 82 a8 'volatile' c3 a7 'timeout' ce 00011170 a3 'uid' a1 'a' a3 'nsp' a1 '/'`)},
	} {
		m := test.m
		m.Namespace = "/"
		got, err := codecs[test.adapter].Append(nil, &m)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: got\n%q, %v, want\n%q", test.adapter, got, err, test.want)
			continue
		}
		again, err := codecs[test.adapter].Decode(got, cluster.Limits{})
		if err == nil && again.Namespace == "" {
			again.Namespace = "/" // the channel's
		}
		if err != nil || !reflect.DeepEqual(again, &m) {
			t.Errorf("%s: got\n%+v, %v, want\n%+v", test.adapter, again, err, &m)
		}
	}
}

// MessagePack that the reference implementation does not write, but others may.
func TestDecodePack(t *testing.T) {
	t.Parallel()
	broadcast := func(opts string) string {
		return `84 a4 'type' 03 a4 'data' 82 a6 'packet' 82 a4 'type' 02 a4 'data' 91 a1 'e' a4 'opts' ` + opts + ` a3 'uid' a1 'a' a3 'nsp' a1 '/'`
	}
	for _, test := range []struct {
		adapter, wire string
		want          *cluster.Message
	}{
		// Rooms that are numbers, floats that are integers, nil for nothing.
		{"pack", broadcast(`82 a5 'rooms' 94 07 d1ff00 cb3ff8000000000000 a1 'r' a6 'except' c0`), &cluster.Message{Target: rooms("7", "-256", "1.5", "r")}},
		{"pack", broadcast(`83 a5 'rooms' 90 a6 'except' 90 a5 'flags' 83 a8 'volatile' c3 a8 'compress' c2 a7 'timeout' cb407f400000000000`),
			&cluster.Message{Flags: engine.Volatile | engine.NoCompress, Timeout: 500 * time.Millisecond}},
		{"pack", broadcast(`81 a5 'flags' 84 a8 'volatile' c0 a8 'compress' c3 a7 'timeout' a1 '1' 01 02`), &cluster.Message{}},
		{"pack", broadcast(`81 a5 'flags' 81 a7 'timeout' cb7ff0000000000000`), &cluster.Message{Timeout: 24 * time.Hour}},
		{"pack", broadcast(`81 a5 'flags' 81 a7 'timeout' cb7ff8000000000000`), &cluster.Message{}},
		{"pack", broadcast(`81 a5 'rooms' 91 c0`), nil},
		{"pack", broadcast(`81 a5 'rooms' 91 c3`), nil},
		{"pack", broadcast(`81 a5 'rooms' 91 90`), nil},
		{"pack", broadcast(`81 a5 'rooms' 80`), nil},
		{"pack", broadcast(`90`), nil},
		{"pack", broadcast(`82 a5 'rooms' 91`), nil},
		{"pack", broadcast(`81 c0 01`), nil},
		// The namespace of a broadcast is the main one if it is missing.
		{"classic", `93 a1 'a' 82 a4 'type' 02 a4 'data' 91 a1 'e' 80`, &cluster.Message{}},
		{"classic", `93 a1 'a' 83 a4 'type' 02 a4 'data' 91 a1 'e' a3 'nsp' 01 80`, nil},
		{"classic", `92 a1 'a' 82 a4 'type' 02 a4 'data' 91 a1 'e'`, nil},
		{"classic", `94 a1 'a' 82 a4 'type' 02 a4 'data' 91 a1 'e' 80 80`, nil},
		{"classic", `93 a1 'a' 82 a4 'type' 02 a4 'data' 91 a1 'e' 80 80`, nil},
		{"classic", `93 07 82 a4 'type' 02 a4 'data' 91 a1 'e' 80`, nil},
	} {
		wire := []byte(hexOf(t, test.wire))
		got, err := codecs[test.adapter].Decode(wire, cluster.Limits{})
		if test.want == nil {
			if !errors.Is(err, cluster.ErrMalformed) {
				t.Errorf("%s: got %+v, %v", test.wire, got, err)
			}
			continue
		}
		test.want.Kind, test.want.Sender, test.want.Namespace, test.want.Body = cluster.Broadcast, "a", "/", body(`["e"]`)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got\n%+v, %v, want\n%+v", test.wire, got, err, test.want)
			continue
		}
		checkHeader(t, codecs[test.adapter], wire, got)
	}
}
