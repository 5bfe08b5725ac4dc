#!/usr/bin/env bash
# Prints the folders of all modules as JSON, for the matrix of a workflow.
source "$(dirname "$0")/lib.sh"

modules | sed 's/.*/"&"/' | paste -sd, | sed 's/.*/[&]/'
