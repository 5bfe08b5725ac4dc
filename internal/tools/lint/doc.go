// Package lint is only here because go vet ./... wants a package in each module. The
// module requires golangci-lint, whose own requirements are many.
package lint
