package cluster

import (
	"encoding/json"
	"maps"
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

// codecs are the codecs by the names that the driver gives to adapters.
var codecs = map[string]cluster.Codec{
	"classic": nodewire.Classic,
	"sharded": nodewire.Sharded,
	"json":    nodewire.JSON,
	"pack":    nodewire.Pack,
	"entry":   nodewire.StreamEntry,
}

const (
	uid       = "b0ec62430e44b1c9"
	requestID = "2f4bb153c1fb73aa"
)

func body(text string, attachments ...[]byte) parser.Body {
	return parser.Body{JSON: []byte(text), Attachments: attachments}
}

// encode returns the wire of a message for the main namespace. A stream's entry is a JSON object.
func encode(t *testing.T, name string, m cluster.Message) []byte {
	t.Helper()
	m.Sender, m.Namespace = uid, "/"
	wire, err := codecs[name].Append(nil, &m)
	if err != nil {
		t.Fatalf("%s: %+v: %v", name, m, err)
	}
	if name != "entry" {
		return wire
	}
	object, err := json.Marshal(maps.Collect(nodewire.Fields(wire)))
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// call executes a command of the driver with a wire.
func call(t *testing.T, command, adapter string, wire []byte, result any) {
	t.Helper()
	value, err := node.Call(command, map[string]any{"adapter": adapter, "wire": wire})
	if err == nil {
		err = json.Unmarshal(value, result)
	}
	if err != nil {
		t.Fatalf("%s: %s of %q: %v", adapter, command, wire, err)
	}
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// The packages read the bodies that this module writes.
func TestBodies(t *testing.T) {
	long := strings.Repeat("x", 65536)
	elements := "[" + strings.TrimSuffix(strings.Repeat("1,", 65536), ",") + "]"
	for _, want := range []parser.Body{
		body(`["ev",1,null,true,"é€😀\u0000\\\"",{"a":{"b":[[],{}]},"":0}]`),
		body(`["ev",127,128,65535,65536,4294967295,4294967296,9007199254740991,-1,-32,-33,-129,-32769,-2147483649,-9007199254740991,1.5,1e-7,1e+21]`),
		body(`["ev",{"_placeholder":true,"num":0},9007199254740993,9223372036854775807,-9223372036854775808,18446744073709551615]`, []byte{1}),
		body(`["ev","` + long + `",` + elements + `]`),
		body(`["ev",{"_placeholder":true,"num":0},{"a":[{"_placeholder":true,"num":1}]}]`, []byte{1, 2, 255}, []byte(long)),
		body(`["ev",{"_placeholder":true,"num":0},"`+strings.Repeat("é", 200)+`"]`, []byte{}),
	} {
		for name := range codecs {
			if name == "json" && len(want.Attachments) > 0 {
				continue
			}
			var got struct {
				Body struct {
					JSON        string
					Attachments [][]byte
				}
			}
			call(t, "decode", name, encode(t, name, cluster.Message{Kind: cluster.Broadcast, Body: want}), &got)
			if !sameJSON([]byte(got.Body.JSON), want.JSON) || len(got.Body.Attachments) != len(want.Attachments) {
				t.Errorf("%s: got %.300s, want %.300s", name, got.Body.JSON, want.JSON)
				continue
			}
			for i, a := range got.Body.Attachments {
				if string(a) != string(want.Attachments[i]) {
					t.Errorf("%s: attachment %d has %d bytes, want %d", name, i, len(a), len(want.Attachments[i]))
				}
			}
		}
	}
}

// The adapters do what messages of this module say, and answer.
func TestReceive(t *testing.T) {
	target := adapter.Target{Rooms: []string{"r", "other"}, Except: []string{"x"}}
	for _, test := range []struct {
		m       cluster.Message
		effects string            // as JSON
		answers []cluster.Message // without the IDs
	}{
		{m: cluster.Message{Kind: cluster.Broadcast, Body: body(`["hi",1]`), Target: target}, effects: `[["packet",["2[\"hi\",1]"],false,true]]`},
		{m: cluster.Message{Kind: cluster.Broadcast, Body: body(`["hi"]`), Seq: 7}, effects: `[["packet",["2[\"hi\"]"],false,true]]`},
		{m: cluster.Message{Kind: cluster.Broadcast, Body: body(`["hi"]`), Flags: engine.Volatile | engine.NoCompress}, effects: `[["packet",["2[\"hi\"]"],true,false]]`},
		{m: cluster.Message{Kind: cluster.Broadcast, Body: body(`["hi"]`), Target: adapter.Target{Rooms: []string{"other"}}}, effects: `[]`},
		{m: cluster.Message{Kind: cluster.Broadcast, Body: body(`["hi"]`), Target: adapter.Target{Except: []string{"r"}}}, effects: `[]`},
		{
			m:       cluster.Message{Kind: cluster.Broadcast, Body: body(`["hi",{"_placeholder":true,"num":0}]`, []byte{1, 2})},
			effects: `[["packet",["51-[\"hi\",{\"_placeholder\":true,\"num\":0}]","AQI="],false,true]]`,
		},
		{
			m:       cluster.Message{Kind: cluster.Broadcast, Body: body(`["ask"]`), Target: target, RequestID: requestID, Timeout: time.Second},
			effects: `[["packet",["2N[\"ask\"]"],false,true]]`,
			answers: []cluster.Message{
				{Kind: cluster.BroadcastAck, Body: body(`[{"_placeholder":true,"num":0}]`, []byte{1, 2, 255})},
				{Kind: cluster.BroadcastClientCount, ClientCount: 1},
			},
		},
		{m: cluster.Message{Kind: cluster.SocketsJoin, Target: target, Rooms: []string{"a", "b"}}, effects: `[["join",["a","b"]]]`},
		{m: cluster.Message{Kind: cluster.SocketsLeave, Rooms: []string{"a"}}, effects: `[["leave","a"]]`},
		{m: cluster.Message{Kind: cluster.DisconnectSockets, Target: target, CloseConn: true}, effects: `[["disconnect",true]]`},
		{m: cluster.Message{Kind: cluster.DisconnectSockets}, effects: `[["disconnect",false]]`},
		{
			m:       cluster.Message{Kind: cluster.FetchSockets, Target: target, RequestID: requestID},
			effects: `[]`,
			answers: []cluster.Message{{Kind: cluster.FetchSocketsResponse, Sockets: []cluster.Socket{{
				ID: strings.Repeat("s", 20), Rooms: []string{strings.Repeat("s", 20), "r"},
				Handshake: json.RawMessage(`{"headers":{},"time":"now"}`), Data: json.RawMessage(`{"name":"é"}`),
			}}}},
		},
		{
			m:       cluster.Message{Kind: cluster.FetchSockets, Target: adapter.Target{Rooms: []string{"other"}}, RequestID: requestID},
			effects: `[]`,
			answers: []cluster.Message{{Kind: cluster.FetchSocketsResponse}},
		},
		{m: cluster.Message{Kind: cluster.ServerSideEmit, Body: body(`["ev",1,{"a":2}]`)}, effects: `[["ev",[1,{"a":2}]]]`},
		{
			m:       cluster.Message{Kind: cluster.ServerSideEmit, Body: body(`["ev",1]`), RequestID: requestID},
			effects: `[["ev",[1]]]`,
			answers: []cluster.Message{{Kind: cluster.ServerSideEmitResponse, Body: body(`[{"got":1}]`)}},
		},
		// No request of the receiver.
		{m: cluster.Message{Kind: cluster.FetchSocketsResponse, RequestID: requestID, Sockets: []cluster.Socket{{ID: "a"}}}, effects: `[]`},
		{m: cluster.Message{Kind: cluster.ServerSideEmitResponse, RequestID: requestID, Body: body(`[]`)}, effects: `[]`},
		{m: cluster.Message{Kind: cluster.BroadcastClientCount, RequestID: requestID}, effects: `[]`},
		{m: cluster.Message{Kind: cluster.BroadcastAck, RequestID: requestID, Body: body(`[]`)}, effects: `[]`},
	} {
		for name, codec := range codecs {
			if name == "classic" && test.m.Kind.Answer() || name == "json" && len(test.m.Body.Attachments) > 0 {
				continue // sent to another channel; sent in another way
			}
			var got struct {
				Effects json.RawMessage
				Sent    [][]byte
			}
			call(t, "receive", name, encode(t, name, test.m), &got)
			if !sameJSON(got.Effects, []byte(test.effects)) {
				t.Errorf("%s: %+v: effects are %s, want %s", name, test.m, got.Effects, test.effects)
			}
			var answers []cluster.Message
			for _, wire := range got.Sent {
				if strings.Contains(string(wire), "attachmentId") {
					continue // of the message before it
				}
				m, err := codec.Decode(wire, cluster.Limits{})
				if name == "entry" {
					m, err = nodewire.Pack.Decode(wire, cluster.Limits{})
				}
				if err != nil {
					t.Errorf("%s: answer %q: %v", name, wire, err)
					continue
				}
				if m.RequestID != requestID {
					t.Errorf("%s: answer to request %q", name, m.RequestID)
				}
				m.Sender, m.Namespace, m.RequestID = "", "", ""
				answers = append(answers, *m)
			}
			if !reflect.DeepEqual(answers, test.answers) {
				t.Errorf("%s: %v: answers are\n%+v, want\n%+v", name, test.m.Kind, answers, test.answers)
			}
		}
	}
}

// Heartbeats are ignored where they are unknown.
func TestHeartbeats(t *testing.T) {
	for _, kind := range []cluster.Kind{cluster.InitialHeartbeat, cluster.Heartbeat, cluster.AdapterClose} {
		for _, name := range []string{"classic", "sharded", "pack"} {
			var got struct {
				Effects, Sent []json.RawMessage
			}
			call(t, "receive", name, encode(t, name, cluster.Message{Kind: kind}), &got)
			if len(got.Effects) > 0 || len(got.Sent) > 0 {
				t.Errorf("%s: %v: %s, %s", name, kind, got.Effects, got.Sent)
			}
		}
	}
	var got struct{ Sent [][]byte }
	call(t, "receive", "json", encode(t, "json", cluster.Message{Kind: cluster.InitialHeartbeat}), &got)
	if len(got.Sent) != 1 || !strings.HasPrefix(string(got.Sent[0]), `{"type":2,"uid":`) {
		t.Errorf("a heartbeat was answered with %q", got.Sent)
	}
}
