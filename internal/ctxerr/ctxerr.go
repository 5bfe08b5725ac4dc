// Package ctxerr makes errors of contexts that have ended.
package ctxerr

import (
	"context"
	"errors"
	"fmt"
)

// Of returns why ctx has ended: an error that matches both the context's error, which
// is [context.Canceled] or [context.DeadlineExceeded], and its cause. It returns nil
// if ctx has not ended.
func Of(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil // even if it ends now: a cause alone would not match its error
	}
	cause := context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// Join returns an error that matches both errors and whose text is one line. It
// returns the other one if one of them is nil.
func Join(err, detail error) error {
	switch {
	case err == nil:
		return detail
	case detail == nil:
		return err
	}
	return fmt.Errorf("%w: %w", err, detail)
}
