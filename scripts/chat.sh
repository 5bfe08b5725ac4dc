#!/usr/bin/env bash
# Builds and runs the chat example, at ADDR (default :3000).
source "$(dirname "$0")/lib.sh"

scripts/npm.sh examples
go -C examples build -o "$root/bin/chat" ./chat
cd examples
exec "$root/bin/chat" # in this process, so that it gets the signals
