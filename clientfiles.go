package socketio

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// clientFiles serves the JavaScript client, as it is in the dist directory of
// the npm package socket.io-client, next to the connections: a page can load
// "/socket.io/socket.io.js" from the server that it is going to talk to.
//
// Only the names that such a directory has are served, nothing else of the file
// system is ever opened. Files are read when they are first asked for and kept:
// one that changes afterwards is served as it was. All methods may be called
// concurrently.
type clientFiles struct {
	files  map[string]*clientFile // by name; never changed
	logger *slog.Logger
}

// The files of the client. All of them exist with .map, too.
var clientFileNames = []string{
	"socket.io.js",
	"socket.io.min.js",
	"socket.io.esm.min.js",
	"socket.io.msgpack.min.js",
}

// A file that is larger than this is not served: it is no build of the client,
// and what is served is kept in memory.
const maxClientFile = 8 << 20

func newClientFiles(fsys fs.FS, logger *slog.Logger) *clientFiles {
	c := &clientFiles{files: make(map[string]*clientFile), logger: logger}
	for _, name := range clientFileNames {
		c.files[name] = &clientFile{fsys: fsys, name: name, contentType: "application/javascript; charset=utf-8"}
		name += ".map"
		c.files[name] = &clientFile{fsys: fsys, name: name, contentType: "application/json; charset=utf-8"}
	}
	return c
}

// checkClientFiles returns an error if a folder has no build of the client.
func checkClientFiles(fsys fs.FS) error {
	for _, name := range clientFileNames {
		if info, err := fs.Stat(fsys, name); err == nil && info.Mode().IsRegular() {
			return nil
		}
	}
	folder := fmt.Sprintf("%T", fsys)
	if v := reflect.ValueOf(fsys); v.Kind() == reflect.String { // as of os.DirFS
		folder = strconv.Quote(v.String())
	}
	return &engine.OptionError{
		Field: "ServeClient", Value: folder,
		Reason: "has no socket.io.js, nor another build of the client, such as node_modules/socket.io-client/dist has",
	}
}

// asksForClient reports whether r asks for one of the files. The server does not know
// under which path it is mounted, so the last element of the path decides.
func asksForClient(r *http.Request) bool {
	name := lastElement(r)
	return strings.HasPrefix(name, "socket.io.") && slices.Contains(clientFileNames, strings.TrimSuffix(name, ".map"))
}

func lastElement(r *http.Request) string {
	return r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
}

func (c *clientFiles) file(r *http.Request) *clientFile { return c.files[lastElement(r)] }

// serve answers a request whose path ends in the name of one of the files, and
// returns false, without having done anything, for all others. CORS is up to the
// caller: headers that are set stay.
func (c *clientFiles) serve(w http.ResponseWriter, r *http.Request) bool {
	f := c.file(r)
	if f == nil {
		return false
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return true
	}
	v, err := f.variant(r.Header.Values("Accept-Encoding"))
	if errors.Is(err, fs.ErrNotExist) {
		http.NotFound(w, r)
		return true
	}
	if err != nil {
		c.logger.Error("socketio: a file of the client cannot be served", "name", f.name, "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return true
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "public, max-age=0")
	h.Set("ETag", v.etag)
	h.Add("Vary", "Accept-Encoding")
	if v.encoding != "" {
		h.Set("Content-Encoding", v.encoding)
		h.Set("Content-Length", strconv.Itoa(len(v.data))) // ServeContent does not when there is an encoding
	}
	// It deals with HEAD, If-None-Match and ranges, by the ETag.
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(v.data))
	return true
}

// A clientFile is one file in its different encodings, which are made or read
// when they are first asked for.
type clientFile struct {
	fsys        fs.FS
	name        string
	contentType string

	mu       sync.Mutex                // held while a variant is made, so that it is made once
	variants map[string]*clientVariant // by encoding, "" for none; a nil one does not exist
}

// A clientVariant is a file in one encoding. It is immutable.
type clientVariant struct {
	encoding string
	data     []byte
	etag     string // of these bytes: other encodings have other ones
}

func newClientVariant(encoding string, data []byte) *clientVariant {
	sum := sha256.Sum256(data)
	return &clientVariant{
		encoding: encoding,
		data:     data,
		etag:     `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`,
	}
}

// variant returns the file in the best encoding that the client takes. Its error
// is fs.ErrNotExist when there is no such file, whatever encodings there are.
func (f *clientFile) variant(accept []string) (*clientVariant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	plain, known := f.variants[""]
	if !known {
		data, err := f.read(f.name)
		if err != nil {
			return nil, err // and try again next time
		}
		plain = newClientVariant("", data)
		f.variants = map[string]*clientVariant{"": plain}
	}
	for _, encoding := range acceptedEncodings(accept) {
		v, known := f.variants[encoding]
		if !known {
			v = f.encode(encoding, plain.data)
			f.variants[encoding] = v
		}
		if v != nil {
			return v, nil
		}
	}
	return plain, nil
}

// encode returns an encoding of data: what lies next to the file, or what gzip
// makes of it, or nil.
func (f *clientFile) encode(encoding string, data []byte) *clientVariant {
	ext := "." + encoding
	if encoding == "gzip" {
		ext = ".gz"
	}
	encoded, err := f.read(f.name + ext)
	if err != nil && encoding == "gzip" {
		encoded = compressed(data)
	}
	if len(encoded) == 0 || len(encoded) >= len(data) {
		return nil
	}
	return newClientVariant(encoding, encoded)
}

func compressed(data []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil { // the level is a valid one
		panic(err)
	}
	_, _ = w.Write(data) // a Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

func (f *clientFile) read(name string) ([]byte, error) {
	file, err := f.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file: %w", name, fs.ErrNotExist)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxClientFile+1))
	if err == nil && len(data) > maxClientFile {
		err = fmt.Errorf("%s has more than %d bytes", name, maxClientFile)
	}
	return data, err
}

// acceptedEncodings returns those of "br" and "gzip" that the client takes, the
// better one first (RFC 9110, section 12.5.3).
func acceptedEncodings(accept []string) []string {
	quality := make(map[string]float64)
	for _, field := range accept {
		for item := range strings.SplitSeq(field, ",") {
			coding, params, _ := strings.Cut(item, ";")
			q := 1.0
			if name, value, ok := strings.Cut(strings.TrimSpace(params), "="); ok && strings.EqualFold(strings.TrimSpace(name), "q") {
				var err error
				if q, err = strconv.ParseFloat(strings.TrimSpace(value), 64); err != nil {
					q = 0
				}
			}
			quality[strings.ToLower(strings.TrimSpace(coding))] = q
		}
	}
	of := func(coding string) float64 {
		if q, ok := quality[coding]; ok {
			return q
		}
		return quality["*"]
	}
	identity, named := quality["identity"]
	br, gz := of("br"), of("gzip")
	var encodings []string
	if br > 0 && br >= gz && (!named || br >= identity) {
		encodings = append(encodings, "br")
	}
	if gz > 0 && (!named || gz >= identity) {
		encodings = append(encodings, "gzip")
	}
	if br > 0 && br < gz && (!named || br >= identity) {
		encodings = append(encodings, "br")
	}
	return encodings
}
