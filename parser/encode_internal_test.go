package parser

import (
	"encoding/json"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/jsonscan"
)

// FuzzCountPlaceholders checks that no valid JSON makes the search for placeholders panic.
func FuzzCountPlaceholders(f *testing.F) {
	for _, text := range []string{
		`{"_placeholder":true,"num":0}`, `[{"num":1,"_placeholder":true,"a":[]}]`, `{"_placeholder":1,"num":null}`, `{"\u005fplaceholder":true}`,
		`[[],{},"}",{"a":{"_placeholder":false}}]`, `7`, `"{"`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		value, err := jsonscan.Single(data, maxNesting)
		if err != nil {
			return
		}
		if n, _ := countPlaceholders(value, 1); n > countLikePlaceholders(value) {
			t.Fatalf("%q has %d placeholders, but %d objects look like one", value, n, countLikePlaceholders(value))
		}
	})
}

func TestAppendFloat(t *testing.T) {
	t.Parallel()
	// From the tables of RFC 8785, appendix B.
	for bits, want := range map[float64]string{
		5e-324:                    "5e-324",
		1.7976931348623157e308:    "1.7976931348623157e+308",
		9007199254740992:          "9007199254740992",
		295147905179352830000:     "295147905179352830000",
		9.999999999999997e22:      "9.999999999999997e+22",
		1e23:                      "1e+23",
		1.0000000000000001e23:     "1.0000000000000001e+23",
		999999999999999700000:     "999999999999999700000",
		999999999999999900000:     "999999999999999900000",
		1e21:                      "1e+21",
		9.999999999999997e-7:      "9.999999999999997e-7",
		0.000001:                  "0.000001",
		333333333.3333332:         "333333333.3333332",
		-0.0000033333333333333333: "-0.0000033333333333333333",
		1424953923781206.2:        "1424953923781206.2",
		1e-10:                     "1e-10",
		1e100:                     "1e+100",
	} {
		if got := string(appendFloat(nil, bits, 64)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
