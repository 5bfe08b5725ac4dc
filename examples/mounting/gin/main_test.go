package main

import (
	"os"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/seed96b07ef8/socketio/examples/mounting/internal/mountingtest"
)

var env mountingtest.Env

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode) // or it prints its routes
	os.Exit(mountingtest.Main(m, "..", &env))
}

func Test(t *testing.T) { mountingtest.Test(t, &env, newHandler) }
