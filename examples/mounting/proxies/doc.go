// Package proxies holds the configurations of reverse proxies that
// docs/deployment.md shows, and tests them with the real ones, nginx and haproxy,
// in front of two servers. The tests need Linux, which has all of 127.0.0.0/8 for
// clients of different addresses.
package proxies
