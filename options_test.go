package socketio_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
)

// Options that are set to what cannot be meant are an error that names them.
func TestOptionsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for field, test := range map[string]struct {
		opts  socketio.Options
		value string
	}{
		"ConnectTimeout":            {socketio.Options{ConnectTimeout: 45_000}, "45µs"},
		"Recovery.MaxDisconnection": {socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: 120_000}}, "120µs"},
		"Engine.PingInterval":       {socketio.Options{Engine: engine.ServerOptions{PingInterval: 25}}, "25ns"},
		"Engine.CORS.Origins":       {socketio.Options{Engine: engine.ServerOptions{CORS: &engine.CORS{Origins: []string{"a.com"}}}}, `"a.com"`},
		"ServeClient":               {socketio.Options{ServeClient: os.DirFS("docs")}, `"docs"`},
		"ServeClient ":              {socketio.Options{ServeClient: fstest.MapFS{"dist/socket.io.js": {}}}, "fstest.MapFS"},
		"ServeClient  ":             {socketio.Options{ServeClient: fstest.MapFS{"socket.io.js/x": {}}}, "fstest.MapFS"},
	} {
		_, err := socketio.New(&test.opts)
		var oe *engine.OptionError
		if !errors.As(err, &oe) || oe.Field != strings.TrimSpace(field) || !strings.Contains(err.Error(), test.value) {
			t.Errorf("%s: got %v", field, err)
		}
	}
	if _, err := socketio.New(&socketio.Options{ServeClient: fstest.MapFS{"socket.io.esm.min.js": {}}}); err != nil {
		t.Error(err)
	}
}
