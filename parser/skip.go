//go:build !goexperiment.jsonv2 || go1.27

package parser

import "errors"

// errSkip is what a hook returns to leave a value to the library.
var errSkip = errors.ErrUnsupported
