//go:build goexperiment.jsonv2 && !go1.27

package parser

import "encoding/json/v2"

// errSkip is what a hook returns to leave a value to the library. With this
// experiment the library is the one of Go 1.26, which has another name for it.
var errSkip = json.SkipFunc
