// Package clientfiles serves the JavaScript client from the dist directory of the npm
// package socket.io-client.
package clientfiles

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
)

// Files serves the client's files beside the connections: a page can load
// "/socket.io/socket.io.js" from the server to which it connects.
//
// It serves only the known file names of that directory and never opens other files.
// It reads a file on the first request for it and keeps its contents, so later
// changes of the file have no effect. All methods are safe for concurrent use.
type Files struct {
	files  map[string]*file // by name; never changed
	logger *slog.Logger
}

// The files of the client. Each also exists with the suffix .map.
var names = []string{
	"socket.io.js",
	"socket.io.min.js",
	"socket.io.esm.min.js",
	"socket.io.msgpack.min.js",
}

// maxSize bounds the size of a served file, because served files are kept in
// memory. A larger file is not a build of the client.
const maxSize = 8 << 20

// New returns the files of a folder.
func New(fsys fs.FS, logger *slog.Logger) *Files {
	c := &Files{files: make(map[string]*file), logger: logger}
	for _, name := range names {
		c.files[name] = &file{fsys: fsys, name: name, contentType: "application/javascript; charset=utf-8"}
		name += ".map"
		c.files[name] = &file{fsys: fsys, name: name, contentType: "application/json; charset=utf-8"}
	}
	return c
}

// Has reports whether a folder has a build of the client.
func Has(fsys fs.FS) bool {
	for _, name := range names {
		if info, err := fs.Stat(fsys, name); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// FolderName returns the name of a folder for error messages: its path for an
// os.DirFS, and otherwise its type.
func FolderName(fsys fs.FS) string {
	if v := reflect.ValueOf(fsys); v.Kind() == reflect.String {
		return strconv.Quote(v.String())
	}
	return fmt.Sprintf("%T", fsys)
}

// AsksFor reports whether r requests one of the files. The last element of the
// path decides, because the server does not know the path where it is mounted.
func AsksFor(r *http.Request) bool {
	name := lastElement(r)
	return strings.HasPrefix(name, "socket.io.") && slices.Contains(names, strings.TrimSuffix(name, ".map"))
}

func lastElement(r *http.Request) string {
	return r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
}

func (c *Files) file(r *http.Request) *file { return c.files[lastElement(r)] }

// Serve answers a request whose path ends in the name of one of the files. For
// other requests it does nothing and returns false. The caller sets CORS
// headers, which Serve keeps.
func (c *Files) Serve(w http.ResponseWriter, r *http.Request) bool {
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
		h.Set("Content-Length", strconv.Itoa(len(v.data))) // ServeContent omits it if there is an encoding
	}
	// ServeContent handles HEAD, If-None-Match and ranges (RFC 9110, sections 13 and
	// 14).
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(v.data))
	return true
}

// A file is a file in its encodings, which are read or made on the first
// request.
type file struct {
	fsys        fs.FS
	name        string
	contentType string

	mu       sync.Mutex          // held while a variant is made, so that it is made once
	variants map[string]*variant // by encoding, "" for none; nil if there is no such file
}

// A variant is a file in one encoding. It is immutable.
type variant struct {
	encoding string
	data     []byte
	etag     string // of these bytes; each encoding has its own
}

func newVariant(encoding string, data []byte) *variant {
	sum := sha256.Sum256(data)
	return &variant{
		encoding: encoding,
		data:     data,
		etag:     `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`,
	}
}

// variant returns the file in the best encoding that the client accepts. It
// returns fs.ErrNotExist if the unencoded file does not exist.
func (f *file) variant(accept []string) (*variant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	plain, known := f.variants[""]
	if !known {
		data, err := f.read(f.name)
		if err != nil {
			return nil, err // and try again next time
		}
		plain = newVariant("", data)
		f.variants = map[string]*variant{"": plain}
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

// encode returns data in an encoding, from a file beside the original or made
// with gzip, or nil.
func (f *file) encode(encoding string, data []byte) *variant {
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
	return newVariant(encoding, encoded)
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

func (f *file) read(name string) ([]byte, error) {
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
		return nil, fmt.Errorf("%s is not a file: %w", name, fs.ErrNotExist)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err == nil && len(data) > maxSize {
		err = fmt.Errorf("%s has more than %d bytes", name, maxSize)
	}
	return data, err
}

// acceptedEncodings returns those of "br" and "gzip" that the client accepts,
// the better one first (RFC 9110, section 12.5.3).
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
