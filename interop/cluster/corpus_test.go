package cluster

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

// The corpus is what the tests of package nodewire read and write without Node.
const corpusFile = "../../adapter/cluster/nodewire/testdata/corpus.json"

var update = flag.Bool("update", false, "write the corpus to "+corpusFile)

// The corpus is what the installed adapters write.
func TestCorpus(t *testing.T) {
	value, err := node.Call("corpus", nil)
	if err != nil {
		t.Fatal(err)
	}
	var wires []json.RawMessage
	if err := json.Unmarshal(value, &wires); err != nil {
		t.Fatal(err)
	}
	got := []byte("[\n")
	for i, wire := range wires {
		if i > 0 {
			got = append(got, ",\n"...)
		}
		got = append(got, wire...)
	}
	got = append(got, "\n]\n"...)
	if *update {
		if err := os.WriteFile(corpusFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(corpusFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the adapters write %d wires, which differ from those of %s: run go test -update", len(wires), corpusFile)
	}
}
