package msgpack_test

import (
	"encoding/hex"
	stdjson "encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/internal/parsertest"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

var event = parsertest.Event

func TestCodec(t *testing.T) {
	t.Parallel()
	parsertest.TestCodec(t, msgpack.Codec)
}

// encode encodes a packet, which has no attachments.
func encode(t testing.TB, h parser.Header, name string, args ...any) []byte {
	t.Helper()
	data, attachments := parsertest.Encode(t, msgpack.Codec, h, name, args...)
	if attachments != nil {
		t.Fatalf("got attachments %q", attachments)
	}
	return data
}

func decode(t testing.TB, data []byte) *parser.Packet {
	t.Helper()
	return parsertest.Decode(t, msgpack.Codec, data)
}

// wire is encoded MessagePack in hexadecimal, with spaces where it helps.
type wire string

func (w wire) bytes() []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(string(w), " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// raw returns the encoded form of a value.
func raw(v any) []byte {
	if w, ok := v.(wire); ok {
		return w.bytes()
	}
	data, _, err := msgpack.Codec.Append(nil, parser.Header{Type: parser.Ack}, "", []any{v})
	if err != nil {
		panic(err)
	}
	p, err := msgpack.Codec.NewDecoder(parser.Limits{MaxDepth: 1 << 20}).Decode(data, true)
	if err != nil {
		panic(err)
	}
	return p.Args.Raw(0)
}

// object returns a map of the given keys and values.
func object(members ...any) []byte {
	data := []byte{0x80 | byte(len(members)/2)}
	for _, m := range members {
		data = append(data, raw(m)...)
	}
	return data
}

// eventOf returns an event with one argument in its encoded form.
func eventOf(arg wire) []byte {
	return object("type", 2, "data", "92 a165"+arg, "nsp", "/")
}

type (
	namedBytes  []byte
	namedByte   byte
	namedFloat  float64
	namedString string

	// hexBytes has text methods, and so is not binary data.
	hexBytes []byte
	// jsonBytes has JSON methods with a pointer receiver.
	jsonBytes []byte
	// pointed has JSON methods with a pointer receiver.
	pointed struct{ A int }

	marshaler struct{ x int }

	tree struct {
		Data     []byte  `json:"data,omitempty"`
		Children []*tree `json:"children,omitempty"`
	}

	embedded struct {
		Blob []byte `json:"blob"`
	}
	outer struct {
		embedded
		Name    string                `json:"name"`
		Raw     stdjson.RawMessage    `json:"raw"`
		Number  stdjson.Number        `json:"number"`
		Quoted  int64                 `json:"quoted,string"`
		Max     uint64                `json:"max"`
		Wait    time.Duration         `json:"wait"`
		Any     any                   `json:"any"`
		Pointer *[]byte               `json:"pointer"`
		Map     map[string]namedBytes `json:"map"`
		Array   [3]byte               `json:"array"`
		Hidden  []byte                `json:"-"`
		Omitted []byte                `json:"omitted,omitempty"`
	}

	// Embedded is exported because encoding/json cannot allocate others.
	Embedded struct{ Blob []byte }
	quoted   struct {
		I int8    `json:",string"`
		S string  `json:",string"`
		P *int    `json:",string"`
		B bool    `json:",string"`
		F float64 `json:",string"`
		//lint:ignore SA5008 the option does not apply, and is ignored
		L []int `json:",string"`
	}
	omitting struct {
		A bool           `json:"a,omitempty"`
		B int            `json:"b,omitempty"`
		C string         `json:"c,omitempty"`
		D []int          `json:"d,omitempty"`
		E map[string]int `json:"e,omitempty"`
		F *int           `json:"f,omitempty"`
		G any            `json:"g,omitempty"`
		H [0]int         `json:"h,omitempty"`
		I float64        `json:"i,omitempty"`
		J embedded       `json:"j,omitempty"`
		K time.Time      `json:"k,omitzero"`
		L embedded       `json:"l,omitzero"`
		M zeroer         `json:"m,omitzero"`
		N *zeroer        `json:"n,omitzero"`
		O pointerZeroer  `json:"o,omitzero"`
		P []int          `json:"p,omitzero"`
		Q hasIsZero      `json:"q,omitzero"`
	}
	zeroer        int
	pointerZeroer int
	hasIsZero     interface{ IsZero() bool }

	// Shadowed names, as far as they go.
	base1    struct{ X, Y, Z int }
	base2    struct{ Y, Z, W int }
	base3    struct{ X, V int }
	shadowed struct {
		base1
		*base3
		Base2 base2
		base4
		base5
		Y string
		T string `json:"t"`
		//lint:ignore SA5008 this is how to name it "-"
		D int `json:"-,"`
	}
	base4 struct {
		Tag   int
		Twice int
		T     int
	}
	base5 struct {
		Other int `json:"Tag"`
		Twice int
	}
	many struct {
		A0, A1, A2, A3, A4, A5, A6, A7, A8, A9 int `json:",omitempty"`
		B0, B1, B2, B3, B4, B5, B6, B7, B8, B9 int `json:",omitempty"`
	}
)

func (z zeroer) IsZero() bool         { return z == 7 }
func (z *pointerZeroer) IsZero() bool { return *z == 7 }

func (b hexBytes) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%x", []byte(b)), nil }
func (b *hexBytes) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "%x", (*[]byte)(b))
	return err
}

func (b *jsonBytes) MarshalJSON() ([]byte, error) { return []byte(`"json"`), nil }
func (b *jsonBytes) UnmarshalJSON(text []byte) error {
	*b = append(jsonBytes(nil), text...)
	return nil
}

func (p *pointed) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `["pointed", %d]`, p.A), nil }

func (m marshaler) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `{"<x>": %d}`, m.x), nil }
func (m *marshaler) UnmarshalJSON(text []byte) error {
	_, err := fmt.Sscanf(string(text), `{"<x>":%d}`, &m.x)
	return err
}

type stringer interface{ String() string }

type binaryStringer []byte

func (b binaryStringer) String() string { return string(b) }

var (
	nan = math.NaN()
	inf = math.Inf(1)
)

type (
	jsonRaw    = stdjson.RawMessage
	jsonNumber = stdjson.Number
)
