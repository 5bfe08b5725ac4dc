//go:build race

package e2e

// The server is watched for data races when the test is.
func init() { buildFlags = append(buildFlags, "-race") }
