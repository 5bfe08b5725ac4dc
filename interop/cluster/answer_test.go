package cluster

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/adapter/cluster"
)

// The adapters take answers of this module.
func TestAnswers(t *testing.T) {
	sockets := []cluster.Socket{
		{ID: "a", Rooms: []string{"a", "r"}, Handshake: json.RawMessage(`{"time":"now"}`), Data: json.RawMessage(`{"n":1.5}`)},
		{ID: "b"},
	}
	for _, test := range []struct {
		what    string
		kind    cluster.Kind // of the request
		answers []cluster.Message
		want    string // as JSON
	}{
		{"fetch", cluster.FetchSockets, []cluster.Message{
			{Kind: cluster.FetchSocketsResponse, Sockets: sockets},
			{Kind: cluster.FetchSocketsResponse},
		}, `[{"id":"a","handshake":{"time":"now"},"rooms":["a","r"],"data":{"n":1.5}},{"id":"b","handshake":{},"rooms":[],"data":{}}]`},
		{"emit", cluster.Broadcast, []cluster.Message{
			{Kind: cluster.BroadcastClientCount, ClientCount: 2},
			{Kind: cluster.BroadcastAck, Body: body(`["é"]`)},
			{Kind: cluster.BroadcastClientCount},
			{Kind: cluster.BroadcastAck, Body: body(`[{"a":[1,null]},"ignored"]`)},
		}, `{"answers":["é",{"a":[1,null]}]}`},
		{"serverSideEmit", cluster.ServerSideEmit, []cluster.Message{
			{Kind: cluster.ServerSideEmitResponse, Body: body(`[1.5]`)},
			{Kind: cluster.ServerSideEmitResponse, Body: body(`["é"]`)},
		}, `{"answers":[1.5,"é"]}`},
	} {
		for _, name := range []string{"classic", "sharded", "json", "pack"} {
			value, err := node.Call("ask", map[string]any{"adapter": name, "what": test.what})
			var sent [][]byte
			if err == nil {
				err = json.Unmarshal(value, &sent)
			}
			if err != nil {
				t.Fatal(err)
			}
			request := find(t, name, sent, test.kind)
			var wires [][]byte
			for _, m := range test.answers {
				m.RequestID = request.RequestID
				wires = append(wires, encode(t, name, m))
			}
			if name == "json" {
				wires = alternate(wires)
			}
			got, err := node.Call("answer", map[string]any{"adapter": name, "wires": wires})
			if err != nil || !sameJSON(got, []byte(test.want)) {
				t.Errorf("%s: %s: got %s, %v, want %s", name, test.what, got, err, test.want)
			}
		}
	}
}

// find returns the message of a kind among those that an adapter has sent.
func find(t *testing.T, name string, wires [][]byte, kind cluster.Kind) *cluster.Message {
	t.Helper()
	for _, wire := range wires {
		m, err := codecs[name].Decode(wire, cluster.Limits{})
		if err != nil {
			t.Fatalf("%s: %q: %v", name, wire, err)
		}
		if m.Kind == kind {
			return m
		}
	}
	t.Fatalf("%s: no %v in %q", name, kind, wires)
	return nil
}

// alternate makes the answers come from the two members that the Postgres adapter knows.
func alternate(wires [][]byte) [][]byte {
	for i, wire := range wires {
		wires[i] = []byte(strings.Replace(string(wire), uid, []string{"one", "two"}[i*2/len(wires)], 1))
	}
	return wires
}
