//go:build linux

package proxies

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/examples/mounting/internal/mountingtest"
	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

// A proxy is a kind of reverse proxy with a tested configuration.
type proxy struct {
	name   string
	file   string // the configuration, which is also in the documentation
	sticky string // the line of it that makes the proxy sticky
	// command returns how to run it; dir is for its files, config what file has
	// become.
	command func(dir, config string) (program string, args []string, files map[string]string)
}

var proxies = []proxy{
	{"nginx", "socketio.nginx.conf", "    ip_hash;            # sticky: all requests of a client go to the same server\n", nginx},
	{"haproxy", "haproxy.cfg", "    cookie SERVERID insert indirect nocache httponly\n", haproxy},
}

func nginx(dir, config string) (program string, args []string, files map[string]string) {
	main := "daemon off; worker_processes 1; error_log stderr warn; pid " + dir + "/pid;\n" +
		"events { worker_connections 1024; }\nhttp {\naccess_log off;\n"
	for _, folder := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		main += folder + "_temp_path " + dir + "/" + folder + ";\n"
	}
	main += "include " + dir + "/site.conf;\n}\n"
	return "nginx", []string{"-e", "stderr", "-c", dir + "/nginx.conf"},
		map[string]string{"nginx.conf": main, "site.conf": config}
}

func haproxy(dir, config string) (program string, args []string, files map[string]string) {
	return "haproxy", []string{"-db", "-f", dir + "/haproxy.cfg"}, map[string]string{"haproxy.cfg": config}
}

// A change replaces something in a configuration.
type change struct{ old, new string }

// running is where a proxy listens.
type running struct{ http, https string }

// start runs the proxy, with its configuration unchanged except the addresses, the
// file of the certificate, and the changes, until the end of the test.
func (p proxy) start(t *testing.T, servers []*mountingtest.Server, changes ...change) running {
	t.Helper()
	config, err := os.ReadFile(p.file)
	if err != nil {
		t.Fatal(err)
	}
	for i, server := range servers {
		changes = append(changes, change{fmt.Sprintf("10.0.0.%d:3000", i+1), server.Addr})
	}
	// Another process may take a port before the proxy does.
	for range 5 {
		plain, tls := freePort(t), freePort(t)
		listen := []change{{"listen 80;", "listen 127.0.0.1:" + plain + ";"}, {"listen 443 ", "listen 127.0.0.1:" + tls + " "}}
		if p.name == "haproxy" {
			listen = []change{{"bind :80\n", "bind 127.0.0.1:" + plain + "\n"}, {"bind :443 ", "bind 127.0.0.1:" + tls + " "}}
		}
		if p.run(t, replace(t, string(config), append(listen, changes...)), plain, tls) {
			return running{"http://127.0.0.1:" + plain, "https://127.0.0.1:" + tls}
		}
	}
	t.Fatalf("%s found no free port", p.name)
	return running{}
}

func replace(t *testing.T, config string, changes []change) string {
	t.Helper()
	for _, c := range changes {
		if !strings.Contains(config, c.old) {
			t.Fatalf("the configuration has no %q", c.old)
		}
		config = strings.ReplaceAll(config, c.old, c.new)
	}
	return config
}

// ports are those that freePort has returned.
var ports sync.Map

// freePort returns an unused port, each only once. The port is outside the system's
// range of ephemeral ports, which servers of other tests may get.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		port := strconv.Itoa(20_000 + rand.IntN(12_000))
		if _, taken := ports.LoadOrStore(port, true); taken {
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		l.Close()
		return port
	}
	t.Fatal("there is no free port")
	return ""
}

// run starts the proxy and waits until it listens. It returns false when a port is
// taken.
func (p proxy) run(t *testing.T, config string, listening ...string) bool {
	t.Helper()
	dir := t.TempDir()
	const cert = "/etc/ssl/example.com.pem"
	program, args, files := p.command(dir, replace(t, config, []change{{cert, dir + "/cert.pem"}}))
	program, err := lookPath(program)
	if err != nil {
		t.Fatalf("%v: run \"scripts/setup.sh\" in the root of the repository, or \"apt-get install nginx-light haproxy\"", err)
	}
	pem, err := os.ReadFile(env.Cert.File)
	if err != nil {
		t.Fatal(err)
	}
	files["cert.pem"] = string(pem)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	var output buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = nodepeer.Patience
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // should the tests be killed
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = giveAway(t, dir)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the process, which stop sees to

	for _, port := range listening {
		for deadline := time.Now().Add(nodepeer.Patience); ; time.Sleep(time.Millisecond) { // between two looks
			if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
				c.Close()
				break
			}
			select {
			case err := <-ended:
				if text := output.String(); strings.Contains(text, "in use") {
					return false
				}
				t.Fatalf("%s ended: %v\n%s", p.name, err, output.String())
			default:
			}
			if time.Now().After(deadline) {
				cmd.Process.Kill()
				t.Fatalf("%s does not listen\n%s", p.name, output.String())
			}
		}
	}
	t.Cleanup(func() { stop(t, p.name, cmd, ended, &output) })
	return true
}

// stop ends the process at once: with SIGTERM both do not wait for their clients.
func stop(t *testing.T, name string, cmd *exec.Cmd, ended <-chan error, output *buffer) {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	select {
	case <-ended:
	case <-time.After(nodepeer.Patience):
		cmd.Process.Kill()
		t.Errorf("%s did not end", name)
	}
	if t.Failed() {
		t.Logf("what %s said:\n%s", name, output.String())
	}
}

// lookPath looks where administrators have their programs, too.
func lookPath(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err == nil {
		return path, nil
	}
	if sbin, e := exec.LookPath("/usr/sbin/" + program); e == nil {
		return sbin, nil
	}
	return "", err
}

// giveAway changes the owner of a folder and its contents to the user nobody,
// and returns the attributes for a process to run as that user.
func giveAway(t *testing.T, dir string) *syscall.Credential {
	t.Helper()
	const nobody = 65534
	// The way there must be open to others; names are all they can see.
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, nobody, nobody)
	})
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: nobody, Gid: nobody}
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
