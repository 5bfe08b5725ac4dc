//go:build goexperiment.jsonv2 && !go1.27

package parser

import "encoding/json/v2"

// A hook returns errSkip to leave a value to the library. With this experiment
// the library is that of Go 1.26, which has a different name for it.
var errSkip = json.SkipFunc
