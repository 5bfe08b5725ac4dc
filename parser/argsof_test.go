package parser_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
)

func TestArgsOf(t *testing.T) {
	t.Parallel()
	args, err := parser.ArgsOf(1, "two", []byte("three"), map[string]any{"four": []byte("4"), "five": []byte("5")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var one int
	var two string
	var three []byte
	var four struct{ Four, Five []byte }
	if err := args.Decode(&one, &two, &three, &four); err != nil {
		t.Fatal(err)
	}
	if one != 1 || two != "two" || string(three) != "three" || string(four.Four) != "4" || string(four.Five) != "5" {
		t.Errorf("got %v %q %q %q", one, two, three, four)
	}
	if got, want := args.String(), `[1, "two", binary "three", {"five":"NQ==","four":"NA=="}, null]`; got != want {
		t.Errorf("shown as %s, want %s", got, want)
	}

	var bad *parser.ArgError
	if _, err := parser.ArgsOf(1, make(chan int)); !errors.As(err, &bad) || bad.Index != 1 {
		t.Errorf("got error %v", err)
	}
	if none, err := parser.ArgsOf(); err != nil || none.Len() != 0 || none.String() != "[]" {
		t.Errorf("got %v, %v", none, err)
	}
	if zero := fmt.Sprint(parser.Args{}); zero != "[]" {
		t.Errorf("the zero Args is shown as %s", zero)
	}
}
