// Package proxies holds the reverse proxy configurations that docs/deployment.md
// shows, and tests them with nginx and haproxy in front of two servers. The tests
// need Linux, where clients can use every address of 127.0.0.0/8.
package proxies
