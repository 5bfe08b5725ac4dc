//go:build unix && (!linux || 386)

package main

func useDirect() {}
