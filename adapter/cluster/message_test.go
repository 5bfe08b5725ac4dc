package cluster_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/parser"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, m := range messages() {
		if err := m.Validate(); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
	// Fields that a kind does not have are ignored.
	if err := (&cluster.Message{Kind: cluster.Heartbeat, Target: adapter.Target{Rooms: []string{}}}).Validate(); err != nil {
		t.Error(err)
	}
	event := parser.Body{JSON: []byte(`["e"]`)}
	for name, m := range map[string]*cluster.Message{
		"no kind":                    {},
		"unknown kind":               {Kind: 14},
		"namespace":                  {Kind: cluster.Heartbeat, Namespace: "chat"},
		"no body":                    {Kind: cluster.Broadcast},
		"fetch without ID":           {Kind: cluster.FetchSockets},
		"answer without ID":          {Kind: cluster.BroadcastClientCount},
		"result without ID":          {Kind: cluster.BroadcastAck, Body: parser.Body{JSON: []byte(`[]`)}},
		"no result":                  {Kind: cluster.BroadcastAck, RequestID: "x"},
		"result as object":           {Kind: cluster.ServerSideEmitResponse, RequestID: "x", Body: parser.Body{JSON: []byte(`{}`)}},
		"no socket":                  {Kind: cluster.Broadcast, Body: event, Target: adapter.Target{Rooms: []string{}}},
		"join of no socket":          {Kind: cluster.SocketsJoin, Target: adapter.Target{Rooms: []string{}}},
		"attachment without a place": {Kind: cluster.Broadcast, Body: parser.Body{JSON: []byte(`["e"]`), Attachments: [][]byte{{1}}}},
		"place without an attachment": {Kind: cluster.Broadcast, Body: parser.Body{
			JSON: []byte(`["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`), Attachments: [][]byte{{1}},
		}},
		"place of another attachment": {Kind: cluster.BroadcastAck, RequestID: "x", Body: parser.Body{
			JSON: []byte(`[{"_placeholder":true,"num":1}]`), Attachments: [][]byte{{1}},
		}},
		"what looks like a place": {Kind: cluster.Broadcast, Body: parser.Body{
			JSON: []byte(`["e",{"_placeholder":true,"num":0},{"num":null,"_placeh\u006flder":1}]`), Attachments: [][]byte{{1}},
		}},
		"attachment of what is not JSON": {Kind: cluster.Broadcast, Body: parser.Body{JSON: []byte(`["e"]]}`), Attachments: [][]byte{{1}}}},
		"negative count":                 {Kind: cluster.BroadcastClientCount, RequestID: "x", ClientCount: -1},
		"negative time":                  {Kind: cluster.Broadcast, Body: event, Timeout: -1},
		"ID without a float":             {Kind: cluster.Broadcast, Body: event, HasAckID: true, AckID: 1 << 53},
	} {
		if err := m.Validate(); !errors.Is(err, cluster.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Clients disconnect when they receive an event that is not one.
func TestValidateEvents(t *testing.T) {
	t.Parallel()
	for body, valid := range map[string]bool{
		`["e"]`: true, `["e",1]`: true, `[""]`: true, `[1]`: true, `[-1,2]`: true, `["\u0065"]`: true, `["a\"b"]`: true, `["connected"]`: true,
		`["connect"]`: false, `["\u0063onnect"]`: false, `["disconnect",1]`: false, `["newListener"]`: false,
		``: false, `[]`: false, `[null]`: false, `[true]`: false, `[["e"]]`: false, `[{}]`: false, `{}`: false, `"e"`: false, `["e`: false, `["\`: false, `["\u00"]`: false,
	} {
		for _, kind := range []cluster.Kind{cluster.Broadcast, cluster.ServerSideEmit} {
			m := &cluster.Message{Kind: kind, Body: parser.Body{JSON: []byte(body)}}
			if err := m.Validate(); (err == nil) != valid {
				t.Errorf("%v %s: got %v", kind, body, err)
			}
		}
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	known := 0
	for k := range 256 {
		k := cluster.Kind(k)
		if k.Known() {
			known++
		}
		if k.Known() == strings.HasPrefix(k.String(), "Kind(") {
			t.Errorf("%d is %v, known = %v", k, k, k.Known())
		}
	}
	if known != 18 {
		t.Errorf("%d kinds", known)
	}
	if cluster.AdapterClose != 13 || cluster.ListSockets != 32 || cluster.Applied != 36 {
		t.Error("kinds have other numbers than on the wire")
	}
	if !cluster.BroadcastAck.Answer() || cluster.Broadcast.Answer() {
		t.Error("answers are confused with requests")
	}
}
