package socketio_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
)

// A polling client that is recovered over another connection never fetches what the old
// one still has for it: that one ends at once, and does not keep it until it lingered.
func TestRecoveryAbortsSupersededPolling(t *testing.T) {
	server, url, came, _ := newRecoveringServer(t, socketio.Recovery{})
	url += "/socket.io/?EIO=4&transport=polling"
	request := func(method, query, body string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, url+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s %q %v", method, query, resp.Status, answer, err)
		}
		return string(answer)
	}
	join := func(auth string) (query, pid string) {
		t.Helper()
		var ids struct{ SID, PID string }
		if err := json.Unmarshal([]byte(request("GET", "", "")[1:]), &ids); err != nil {
			t.Fatal(err)
		}
		query = "&sid=" + ids.SID
		request("POST", query, "40"+auth)
		answer := strings.TrimPrefix(request("GET", query, ""), "40")
		if err := json.Unmarshal([]byte(answer), &ids); err != nil {
			t.Fatalf("answered %q: %v", answer, err)
		}
		return query, ids.PID
	}

	query, pid := join("")
	first := receive(t, came, "the socket")
	emit(t, first.Emit("seen"))
	var event []string
	if err := json.Unmarshal([]byte(request("GET", query, "")[2:]), &event); err != nil {
		t.Fatal(err)
	}
	auth, err := json.Marshal(map[string]string{"pid": pid, "offset": event[1]})
	if err != nil {
		t.Fatal(err)
	}
	_, again := join(string(auth))
	if !receive(t, came, "the recovered socket").Recovered() || again != pid {
		t.Error("the client was not recovered")
	}
	if n := server.Engine().Len(); n != 1 {
		t.Errorf("%d connections, want 1: the old one stays", n)
	}
}
