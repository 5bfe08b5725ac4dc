package engine

import (
	"bytes"
	"testing"
)

// A bare message equals the original, and does not keep the encodings of the original.
func TestBareMessage(t *testing.T) {
	t.Parallel()
	m := NewTextMessage([]byte(`51-["b",{"_placeholder":true,"num":0}]`), bytes.Repeat([]byte("data"), 1000))
	forms := []func(m *Message) []byte{
		func(m *Message) []byte { return m.webSocket(variant{}) },
		func(m *Message) []byte { return m.webSocket(variant{deflate: true}) },
		func(m *Message) []byte { return m.webSocket(variant{revision3: true}) },
		func(m *Message) []byte { return m.webSocket(variant{base64: true}) },
		func(m *Message) []byte { return m.encoded(pollingForm) },
	}
	for i, form := range forms {
		early := m.Bare()
		want := form(m)
		late := m.Bare()
		for _, bare := range []*Message{early, late} {
			if bare.forms.Load() != nil {
				t.Errorf("form %d stays", i)
			}
			if !bytes.Equal(form(bare), want) || bare.Len() != m.Len() {
				t.Errorf("form %d differs", i)
			}
		}
	}
}
