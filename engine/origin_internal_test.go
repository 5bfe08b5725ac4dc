package engine

import "testing"

func TestSameHost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		origin, host string
		same         bool
	}{
		{"https://example.com", "example.com", true},
		{"http://example.com", "example.com", true},
		{"https://example.com", "EXAMPLE.com", true},
		{"HTTPS://Example.Com", "example.com", true},
		{"https://example.com", "example.com:443", true},
		{"https://example.com:443", "example.com", true},
		{"http://example.com", "example.com:80", true},
		{"wss://example.com:443", "example.com", true},
		{"ws://example.com", "example.com:80", true},
		{"http://example.com:3000", "example.com:3000", true},
		{"https://example.com:3000", "example.com:3000", true},
		{"http://[::1]:3000", "[::1]:3000", true},
		{"http://[::1]", "[::1]", true},
		{"http://[::1]", "[::1]:80", true},
		{"http://[2001:db8::A]", "[2001:db8::a]", true},

		{"https://example.com", "other.com", false},
		{"https://example.com", "example.com:80", false},
		{"http://example.com", "example.com:443", false},
		{"http://localhost:5173", "localhost:3000", false},
		{"http://localhost", "localhost:3000", false},
		{"http://localhost:3000", "localhost", false},
		{"https://www.example.com", "example.com", false},
		{"https://example.com.evil.example", "example.com", false},
		{"https://evil.example/example.com", "example.com", false},
		{"https://evil.example#example.com", "example.com", false},
		{"https://user@example.com", "example.com", false},
		{"https://example.com/", "example.com", false},
		{"http://[::1]:3000", "[::2]:3000", false},
		{"http://[::1]", "[::1]:3000", false},
		{"null", "null", false},
		{"null", "", false},
		{"", "", false},
		{"http://", "", false},
		{"://example.com", "example.com", false},
		{"example.com", "example.com", false},
		{"capacitor://localhost", "localhost", false},
		{"chrome-extension://example.com", "example.com", false},
	} {
		if got := sameHost(test.origin, test.host); got != test.same {
			t.Errorf("page of %q, host %q: got %v, want %v", test.origin, test.host, got, test.same)
		}
	}
}
