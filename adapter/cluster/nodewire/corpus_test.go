package nodewire_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/adapter/cluster/nodewire"
)

// codecs are the codecs by the names that the corpus gives to adapters.
var codecs = map[string]cluster.Codec{
	"classic": nodewire.Classic,
	"sharded": nodewire.Sharded,
	"json":    nodewire.JSON,
	"pack":    nodewire.Pack,
	"entry":   nodewire.StreamEntry,
}

// A sample is a wire that an adapter or emitter of the reference implementation has written:
// interop/cluster makes the corpus.
type sample struct {
	Adapter, Name string
	Lossy         bool // this module does not write it in the same way
	Wire          []byte
	Text          string // in place of Wire
	Body          string // what JavaScript reads, with placeholders
	Attachments   [][]byte
}

// corpus returns the samples, except references to attachments of Postgres.
func corpus(t testing.TB) []sample {
	t.Helper()
	data, err := os.ReadFile("testdata/corpus.json")
	if err != nil {
		t.Fatal(err)
	}
	var all, samples []sample
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		switch {
		case s.Adapter == "entry":
			s.Wire = entryOf(t, s.Text)
		case s.Text != "":
			s.Wire = []byte(s.Text)
		}
		if !strings.Contains(s.Text, `"attachmentId"`) {
			samples = append(samples, s)
		}
	}
	if len(samples) < 200 {
		t.Fatalf("the corpus has only %d samples", len(samples))
	}
	return samples
}

// entryOf returns the wire of a stream's entry that is the members of a JSON object.
func entryOf(t testing.TB, object string) (wire []byte) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(object))
	var texts []string
	for d.More() {
		token, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := token.(string); ok {
			texts = append(texts, s)
		}
	}
	for i := 0; i+1 < len(texts); i += 2 {
		wire = nodewire.AppendField(wire, texts[i], texts[i+1])
	}
	return wire
}

func TestCorpus(t *testing.T) {
	t.Parallel()
	for _, s := range corpus(t) {
		t.Run(s.Adapter+" "+s.Name, func(t *testing.T) {
			codec := codecs[s.Adapter]
			m, err := codec.Decode(s.Wire, cluster.Limits{})
			if err != nil {
				t.Fatalf("decoding %q: %v", s.Wire, err)
			}
			if got := string(m.Body.JSON); got != s.Body && !(s.Lossy && equalJSON(got, s.Body)) {
				t.Errorf("body is\n%.500s, want\n%.500s", got, s.Body)
			}
			if !reflect.DeepEqual(m.Body.Attachments, s.Attachments) {
				t.Errorf("attachments are %q, want %q", m.Body.Attachments, s.Attachments)
			}
			checkHeader(t, codec, s.Wire, m)
			if m.Namespace == "" {
				m.Namespace = "/" // the channel's
			}
			again, err := codec.Append(nil, m)
			if err != nil {
				t.Fatalf("encoding %+v: %v", m, err)
			}
			if !s.Lossy {
				if string(again) != string(s.Wire) {
					t.Errorf("got\n%.1000q, want\n%.1000q", again, s.Wire)
				}
				return
			}
			m2, err := codec.Decode(again, cluster.Limits{})
			if err != nil {
				t.Fatalf("decoding again: %v", err)
			}
			if m2.Namespace = m.Namespace; !reflect.DeepEqual(m2, m) {
				t.Errorf("got\n%+v, want\n%+v", m2, m)
			}
		})
	}
}

// equalJSON reports whether JavaScript reads two texts as the same values.
func equalJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// checkHeader checks that the header of a wire is that of its message.
func checkHeader(t testing.TB, codec cluster.Codec, wire []byte, m *cluster.Message) {
	t.Helper()
	var h cluster.Header
	for range 2 { // also with memory that was used
		if err := codec.Header(&h, wire, cluster.Limits{}); err != nil {
			t.Fatalf("header of %q: %v", wire, err)
		}
		got := cluster.Message{Kind: h.Kind, Sender: string(h.Sender), Namespace: string(h.Namespace), RequestID: string(h.RequestID), Seq: h.Seq}
		got.Target.Rooms, got.Target.Except = texts(h.Rooms), texts(h.Except)
		want := cluster.Message{Kind: m.Kind, Sender: m.Sender, Namespace: m.Namespace, RequestID: m.RequestID, Seq: m.Seq, Target: m.Target}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("header of %q is\n%+v, want\n%+v", wire, got, want)
		}
	}
}

func texts(list [][]byte) (s []string) {
	for _, b := range list {
		s = append(s, string(b))
	}
	return s
}

// The corpus has all kinds of messages that the adapters send.
func TestCorpusIsComplete(t *testing.T) {
	t.Parallel()
	kinds := make(map[string]map[cluster.Kind]int)
	for _, s := range corpus(t) {
		m, err := codecs[s.Adapter].Decode(s.Wire, cluster.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if kinds[s.Adapter] == nil {
			kinds[s.Adapter] = make(map[cluster.Kind]int)
		}
		kinds[s.Adapter][m.Kind]++
	}
	for adapter, first := range map[string]cluster.Kind{"classic": cluster.Broadcast, "sharded": cluster.Broadcast, "json": cluster.InitialHeartbeat} {
		for kind := first; kind <= cluster.BroadcastAck; kind++ {
			if kinds[adapter][kind] == 0 {
				t.Errorf("%s: no %v", adapter, kind)
			}
		}
	}
}
