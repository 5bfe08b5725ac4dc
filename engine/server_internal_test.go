package engine

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzQuery holds parseQuery against net/url.
func FuzzQuery(f *testing.F) {
	for _, raw := range []string{
		"", "EIO=4&transport=polling&t=abc", "EIO=3&transport=websocket&sid=x&b64=1", "EIO=4&EIO=3", "EIO=3&EIO=4",
		"j=0", "j", "j=%31&j=2", "sid=a%20b+c&transport=web%73ocket", "%73id=1", "sid=%&EIO=4", "s%=1&EIO=4",
		"sid=1;EIO=4&transport=x", "&&=&EIO=4&", "b64=&b64", "b64=1&b64=", "sid=a=b", "sid=\x00\xff",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if strings.Count(raw, "&") >= 10_000 {
			return // net/url has a limit
		}
		values, err := url.ParseQuery(raw)
		if err != nil {
			return // it leaves out what is wrong; see TestQueryInvalid
		}
		last := func(name string) string {
			if v := values[name]; len(v) > 0 {
				return v[len(v)-1]
			}
			return ""
		}
		want := query{
			transport: Transport(last("transport")), sid: last("sid"), protocol: 3,
			base64: last("b64") != "", jsonp: len(values["j"]) > 0, callback: last("j"),
		}
		if last("EIO") == "4" {
			want.protocol = 4
		}
		if got := parseQuery(raw); got != want {
			t.Errorf("%q is %+v, want %+v", raw, got, want)
		}
	})
}

// What net/url leaves out stands for itself, so that what is present but wrong is not
// taken for absent.
func TestQueryInvalid(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]query{
		"EIO=4&transport=polling&sid=%zz": {transport: Polling, protocol: 4, sid: "%zz"},
		"EIO=4&sid=good&sid=%":            {protocol: 4, sid: "%"},
		"EIO=4&sid=a;b":                   {protocol: 4, sid: "a;b"},
		"EIO=4&transport=%zz":             {transport: "%zz", protocol: 4},
		"EIO=4&EIO=%34%":                  {protocol: 3},
		"EIO=4&j=%zz":                     {protocol: 4, jsonp: true, callback: "%zz"},
		"EIO=4&s%zzd=x":                   {protocol: 4},
	} {
		if got := parseQuery(raw); got != want {
			t.Errorf("%q is %+v, want %+v", raw, got, want)
		}
	}
}
