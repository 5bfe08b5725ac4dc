package load

import (
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var h histogram
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Microsecond)
	}
	for _, test := range []struct {
		q    float64
		want time.Duration
	}{{0.5, 500 * time.Microsecond}, {0.99, 990 * time.Microsecond}, {1, time.Millisecond}} {
		if got := h.quantile(test.q); got < test.want || got > test.want*17/16 {
			t.Errorf("quantile %v: got %v, want %v", test.q, got, test.want)
		}
	}
	for _, v := range []uint64{0, 1, 15, 16, 17, 31, 32, 1000, 1 << 40} {
		if u := upper(bucket(v)); u < v || u > v+v/16 {
			t.Errorf("%d is in a bucket up to %d", v, u)
		}
	}
}

func TestParseResponse(t *testing.T) {
	const header = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\ncontent-length: 2\r\n\r\n"
	for _, test := range []struct {
		in       string
		complete bool
		body     string
		fails    bool
	}{
		{in: header + "ok", complete: true, body: "ok"},
		{in: header + "o"},
		{in: header[:20]},
		{in: "HTTP/1.1 400 Bad Request\r\n\r\n", fails: true},
		{in: "HTTP/1.1 200 OK\r\n\r\n", fails: true},
	} {
		body, complete, err := parseResponse([]byte(test.in))
		if complete != test.complete || err != nil != test.fails || complete && string(body) != test.body {
			t.Errorf("%q: got %q, %v, %v", test.in, body, complete, err)
		}
	}
}
