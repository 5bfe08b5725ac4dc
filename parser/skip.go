//go:build !goexperiment.jsonv2 || go1.27

package parser

import "errors"

// A hook returns errSkip to leave a value to the library.
var errSkip = errors.ErrUnsupported
