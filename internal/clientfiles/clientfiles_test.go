package clientfiles

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
)

const (
	javaScript = "application/javascript; charset=utf-8"
	jsonText   = "application/json; charset=utf-8"
)

// script is a file that is worth compressing.
var script = strings.Repeat("console.log('hello');\n", 200)

func clientFS() fstest.MapFS {
	return fstest.MapFS{
		"socket.io.js":                 {Data: []byte(script)},
		"socket.io.js.map":             {Data: []byte(`{"version":3}`)},
		"socket.io.min.js":             {Data: []byte(script)},
		"socket.io.min.js.br":          {Data: []byte("brotli, trust me")},
		"socket.io.min.js.gz":          {Data: []byte("gzip, trust me")},
		"socket.io.esm.min.js":         {Data: []byte("export{}")},
		"socket.io.msgpack.min.js.map": {Data: []byte("{}")},
		"index.html":                   {Data: []byte("private")},
	}
}

// ask has files answer one request, with the given header fields.
func ask(files *Files, method, target string, header ...string) (ours bool, resp *http.Response, body string) {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	ours = files.Serve(w, r)
	return ours, w.Result(), w.Body.String()
}

func newTestFiles(fsys fs.FS) *Files {
	return New(fsys, slog.New(slog.DiscardHandler))
}

func TestFilesNames(t *testing.T) {
	t.Parallel()
	files := newTestFiles(clientFS())
	tests := []struct {
		target      string
		ours        bool
		status      int
		contentType string
		body        string
	}{
		{"/socket.io/socket.io.js", true, 200, javaScript, script},
		{"/socket.io/socket.io.js?v=1&EIO=4", true, 200, javaScript, script},
		{"/some/where/else/socket.io.js", true, 200, javaScript, script},
		{"/socket.io/socket.io.js.map", true, 200, jsonText, `{"version":3}`},
		{"/socket.io/socket.io.min.js", true, 200, javaScript, script},
		{"/socket.io/socket.io.esm.min.js", true, 200, javaScript, "export{}"},
		{"/socket.io/socket.io.msgpack.min.js.map", true, 200, jsonText, "{}"},
		// The name is known, the file is not there.
		{"/socket.io/socket.io.msgpack.min.js", true, 404, "text/plain; charset=utf-8", "404 page not found\n"},
		{"/socket.io/socket.io.esm.min.js.map", true, 404, "text/plain; charset=utf-8", "404 page not found\n"},
		// Not of the client.
		{"/socket.io/", false, 0, "", ""},
		{"/socket.io/index.html", false, 0, "", ""},
		{"/socket.io/socket.io.js/", false, 0, "", ""},
		{"/socket.io/socket.io.min.js.br", false, 0, "", ""},
		{"/socket.io/socket.io.min.js.gz", false, 0, "", ""},
		{"/socket.io/SOCKET.IO.JS", false, 0, "", ""},
		{"/socket.io/xsocket.io.js", false, 0, "", ""},
		{"/socket.io/socket.io.slim.js", false, 0, "", ""},
		{"/socket.io/..%5csocket.io.js", false, 0, "", ""},
		{"/?file=/socket.io.js", false, 0, "", ""},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			ours, resp, body := ask(files, "GET", test.target)
			if ours != test.ours {
				t.Fatalf("ours = %v, want %v", ours, test.ours)
			}
			if !ours {
				if body != "" || len(resp.Header) > 0 {
					t.Errorf("a request of somebody else got %v %q", resp.Header, body)
				}
				return
			}
			if resp.StatusCode != test.status || resp.Header.Get("Content-Type") != test.contentType || body != test.body {
				t.Errorf("got %d, %q and %d bytes; want %d, %q and %d bytes",
					resp.StatusCode, resp.Header.Get("Content-Type"), len(body), test.status, test.contentType, len(test.body))
			}
		})
	}
}

func TestFilesHeaders(t *testing.T) {
	t.Parallel()
	files := newTestFiles(clientFS())
	_, resp, _ := ask(files, "GET", "/socket.io/socket.io.js")
	if got := resp.Header.Get("Cache-Control"); got != "public, max-age=0" {
		t.Errorf("Cache-Control: %q", got)
	}
	if got := resp.Header.Get("Vary"); got != "Accept-Encoding" {
		t.Errorf("Vary: %q", got)
	}
	if got := resp.Header.Get("Content-Encoding"); got != "" {
		t.Errorf("Content-Encoding: %q", got)
	}
	etag := resp.Header.Get("ETag")
	if len(etag) < 10 || !strings.HasPrefix(etag, `"`) || !strings.HasSuffix(etag, `"`) {
		t.Errorf("ETag: %q is not a strong one", etag)
	}
	if _, again, _ := ask(newTestFiles(clientFS()), "GET", "/socket.io/socket.io.js"); again.Header.Get("ETag") != etag {
		t.Error("another server has another ETag for the same content")
	}
	if _, other, _ := ask(files, "GET", "/socket.io/socket.io.js.map"); other.Header.Get("ETag") == etag {
		t.Error("different files have the same ETag")
	}
}

func TestFilesKeepHeadersOfTheCaller(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	w.Header().Set("Vary", "Origin")
	w.Header().Set("Access-Control-Allow-Origin", "https://example.com")
	if !newTestFiles(clientFS()).Serve(w, httptest.NewRequest("GET", "/socket.io.js", nil)) {
		t.Fatal("not served")
	}
	if got := w.Header().Values("Vary"); !slices.Equal(got, []string{"Origin", "Accept-Encoding"}) {
		t.Errorf("Vary: %q", got)
	}
	if w.Header().Get("Access-Control-Allow-Origin") == "" {
		t.Error("the CORS header is gone")
	}
}

func TestFilesMethods(t *testing.T) {
	t.Parallel()
	files := newTestFiles(clientFS())
	ours, resp, body := ask(files, "HEAD", "/socket.io/socket.io.js")
	if !ours || resp.StatusCode != 200 || body != "" || resp.Header.Get("ETag") == "" {
		t.Errorf("HEAD: %v %d %q %v", ours, resp.StatusCode, body, resp.Header)
	}
	if got := resp.ContentLength; got != int64(len(script)) {
		t.Errorf("HEAD: Content-Length %d, want %d", got, len(script))
	}
	_, resp, _ = ask(files, "HEAD", "/socket.io/socket.io.js", "Accept-Encoding", "gzip")
	if resp.ContentLength <= 0 || resp.ContentLength >= int64(len(script)) {
		t.Errorf("HEAD with gzip: Content-Length %d", resp.ContentLength)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		ours, resp, _ := ask(files, method, "/socket.io/socket.io.js")
		if !ours || resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %v %d, Allow: %q", method, ours, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
}

func TestFilesNotModified(t *testing.T) {
	t.Parallel()
	files := newTestFiles(clientFS())
	_, resp, _ := ask(files, "GET", "/socket.io/socket.io.js")
	etag := resp.Header.Get("ETag")
	tests := []struct {
		name   string
		header string
		status int
	}{
		{"same", etag, 304},
		{"weak", "W/" + etag, 304},
		{"list", `"x", W/"y", ` + etag, 304},
		{"any", "*", 304},
		{"other", `"x"`, 200},
		{"unquoted", strings.Trim(etag, `"`), 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, method := range []string{"GET", "HEAD"} {
				_, resp, body := ask(files, method, "/socket.io/socket.io.js", "If-None-Match", test.header)
				if resp.StatusCode != test.status {
					t.Errorf("%s: status %d, want %d", method, resp.StatusCode, test.status)
				}
				if resp.StatusCode == 304 && (body != "" || resp.Header.Get("ETag") != etag ||
					resp.Header.Get("Vary") == "" || resp.Header.Get("Cache-Control") == "" || resp.Header.Get("Content-Type") != "") {
					t.Errorf("%s: the 304 has the headers %v and %d bytes", method, resp.Header, len(body))
				}
			}
		})
	}
	t.Run("other encoding", func(t *testing.T) {
		_, resp, _ := ask(files, "GET", "/socket.io/socket.io.js", "If-None-Match", etag, "Accept-Encoding", "gzip")
		if resp.StatusCode != 200 {
			t.Errorf("status %d for other bytes than the client has", resp.StatusCode)
		}
		_, resp, _ = ask(files, "GET", "/socket.io/socket.io.js", "If-None-Match", resp.Header.Get("ETag"), "Accept-Encoding", "gzip")
		if resp.StatusCode != 304 || resp.Header.Get("Content-Encoding") != "" {
			t.Errorf("status %d, Content-Encoding %q", resp.StatusCode, resp.Header.Get("Content-Encoding"))
		}
	})
}

func TestFilesEncodings(t *testing.T) {
	t.Parallel()
	files := newTestFiles(clientFS())
	tests := []struct {
		name, file, accept, want string
	}{
		{"none", "socket.io.min.js", "", ""},
		{"browser", "socket.io.min.js", "gzip, deflate, br, zstd", "br"},
		{"gzip only", "socket.io.min.js", "gzip", "gzip"},
		{"upper case", "socket.io.min.js", "GZIP", "gzip"},
		{"any", "socket.io.min.js", "*", "br"},
		{"any but br", "socket.io.min.js", "*, br;q=0", "gzip"},
		{"refused", "socket.io.min.js", "br;q=0, gzip;q=0.000", ""},
		{"preferred", "socket.io.min.js", "br;q=0.5, gzip; q=0.8", "gzip"},
		{"plain preferred", "socket.io.min.js", "gzip;q=0.5, br;q=0.5, identity", ""},
		{"broken quality", "socket.io.min.js", "gzip;q=much", ""},
		{"unknown", "socket.io.min.js", "zstd", ""},
		{"made here", "socket.io.js", "br, gzip", "gzip"},
		{"not worth it", "socket.io.esm.min.js", "gzip", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var header []string
			if test.accept != "" {
				header = []string{"Accept-Encoding", test.accept}
			}
			_, resp, body := ask(files, "GET", "/socket.io/"+test.file, header...)
			if got := resp.Header.Get("Content-Encoding"); got != test.want {
				t.Fatalf("Content-Encoding %q, want %q", got, test.want)
			}
			if resp.ContentLength != int64(len(body)) || resp.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%d bytes with the headers %v", len(body), resp.Header)
			}
			switch {
			case test.file == "socket.io.min.js" && test.want != "":
				if !strings.HasSuffix(body, "trust me") {
					t.Errorf("got %d bytes instead of the file that was there", len(body))
				}
			case test.want == "gzip":
				z, err := gzip.NewReader(strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				if plain, err := io.ReadAll(z); err != nil || string(plain) != script {
					t.Errorf("got %d bytes and %v, want the script", len(plain), err)
				}
			}
		})
	}
}

func TestFilesRange(t *testing.T) {
	t.Parallel()
	_, resp, body := ask(newTestFiles(clientFS()), "GET", "/socket.io/socket.io.js", "Range", "bytes=0-6")
	if resp.StatusCode != 206 || body != "console" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}

// countingFS counts how often each file is opened.
type countingFS struct {
	fs.FS
	opened sync.Map // name to *atomic.Int32
}

func (c *countingFS) Open(name string) (fs.File, error) {
	n, _ := c.opened.LoadOrStore(name, new(atomic.Int32))
	n.(*atomic.Int32).Add(1)
	return c.FS.Open(name)
}

func (c *countingFS) count(name string) int32 {
	if n, ok := c.opened.Load(name); ok {
		return n.(*atomic.Int32).Load()
	}
	return 0
}

func TestFilesAreReadOnce(t *testing.T) {
	t.Parallel()
	fsys := &countingFS{FS: clientFS()}
	files := newTestFiles(fsys)
	if n := fsys.count("socket.io.js"); n != 0 {
		t.Fatalf("opened %d times before anybody asked", n)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			accept := "identity"
			if i%2 == 0 {
				accept = "br, gzip"
			}
			if _, resp, _ := ask(files, "GET", "/socket.io/socket.io.js", "Accept-Encoding", accept); resp.StatusCode != 200 {
				t.Errorf("status %d", resp.StatusCode)
			}
		})
	}
	wg.Wait()
	for _, name := range []string{"socket.io.js", "socket.io.js.br", "socket.io.js.gz"} {
		if n := fsys.count(name); n != 1 {
			t.Errorf("%s was opened %d times", name, n)
		}
	}
	ask(files, "GET", "/socket.io/index.html")
	if n := fsys.count("index.html"); n != 0 {
		t.Error("a file that is not the client's was opened")
	}
}

func TestFilesAppear(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{}
	files := newTestFiles(fsys)
	if _, resp, _ := ask(files, "GET", "/socket.io.js"); resp.StatusCode != 404 {
		t.Fatalf("status %d, want 404", resp.StatusCode)
	}
	fsys["socket.io.js"] = &fstest.MapFile{Data: []byte("built")}
	if _, resp, body := ask(files, "GET", "/socket.io.js"); resp.StatusCode != 200 || body != "built" {
		t.Errorf("got %d %q once it is there", resp.StatusCode, body)
	}
}

// brokenFS fails to open anything.
type brokenFS struct{}

func (brokenFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("disk on fire")}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	files := New(brokenFS{}, slog.New(slog.NewTextHandler(&log, nil)))
	_, resp, body := ask(files, "GET", "/socket.io/socket.io.js")
	if resp.StatusCode != 500 || strings.Contains(body, "fire") {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	if !strings.Contains(log.String(), "disk on fire") {
		t.Errorf("the log has %q", log.String())
	}

	files = newTestFiles(fstest.MapFS{
		"socket.io.js/x":   {Data: []byte("a directory")},
		"socket.io.min.js": {Data: make([]byte, maxSize+1)},
	})
	if _, resp, _ := ask(files, "GET", "/socket.io/socket.io.js"); resp.StatusCode != 404 {
		t.Errorf("a directory: status %d, want 404", resp.StatusCode)
	}
	if _, resp, _ := ask(files, "GET", "/socket.io/socket.io.min.js"); resp.StatusCode != 500 {
		t.Errorf("a file that is too large: status %d, want 500", resp.StatusCode)
	}
}
