package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long anything that a person waits for may take. It is ample:
// the machine may be busy.
const patience = time.Minute

// startBrowser starts a headless browser that ends with the test.
func startBrowser(t *testing.T, path string) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("cannot start %s: %v", path, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("cannot close the browser: %v", err)
		}
	})
	return ctx
}

// person is a user with a separate browser.
type person struct {
	t    *testing.T
	ctx  context.Context
	nick string

	mu         sync.Mutex
	exceptions []string // that no script has caught
}

// open opens the page in a browser window that shares nothing with the others.
func open(t *testing.T, browser context.Context, nick, url string) *person {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &person{t: t, ctx: ctx, nick: nick}
	// This opens the window, which lives as long as the context.
	err := chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*runtime.EventExceptionThrown); ok {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.exceptions = append(p.exceptions, (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	p.do("open the page", chromedp.EmulateViewport(1100, 760), chromedp.Navigate(url))
	return p
}

// join enters the chat.
func (p *person) join(nick string) {
	p.t.Helper()
	p.fill("#nick", "")
	p.do("choose a nick", chromedp.SendKeys(chromedp.CSS("#nick"), nick+"\n"))
}

// write types into the message field and, if the text ends so, presses Enter.
func (p *person) write(text string) {
	p.t.Helper()
	text, send := strings.CutSuffix(text, "\n")
	p.do("write "+text, chromedp.SendKeys(chromedp.CSS("#text"), text))
	if send {
		p.do("press Enter", enter)
	}
}

// enter presses the Enter key. Unlike chromedp's own it makes no char event of
// its own, which would start a new line also when the page handles the key.
var enter = chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
	for _, event := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
		_, err := cdp.Call(ctx, target, input.DispatchKeyEvent, input.DispatchKeyEventParams{
			Type: event, Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13, NativeVirtualKeyCode: 13,
		})
		if err != nil {
			return err
		}
	}
	return nil
})

// fill replaces what is in a field.
func (p *person) fill(selector, text string) {
	p.t.Helper()
	evaluate[string](p, `document.querySelector(`+js(selector)+`).value = `+js(text))
}

func (p *person) click(selector string) {
	p.t.Helper()
	p.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// sees waits until the text can be read in what the selector finds.
func (p *person) sees(selector, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("%q in %s", text, selector),
		fmt.Sprintf(`[...document.querySelectorAll(%s)].some(e => e.checkVisibility() && e.innerText.includes(%s))`, js(selector), js(text)))
}

// seesNot checks that the text cannot be read anywhere on the page.
func (p *person) seesNot(text string) {
	p.t.Helper()
	if all := evaluate[string](p, `document.body.innerText`); strings.Contains(all, text) {
		p.t.Fatalf("%s sees %q, which is not for them", p.nick, text)
	}
}

// wait waits until a JavaScript expression is true.
func (p *person) wait(what, expression string) {
	p.t.Helper()
	if !p.waits(expression, patience) {
		p.fail(fmt.Sprintf("waited %v for %s", patience, what))
	}
}

// waits reports whether the expression becomes true in time.
func (p *person) waits(expression string, d time.Duration) bool {
	p.t.Helper()
	// An interval, because a window in the background is given no frames.
	_, err := chromedp.Run(p.ctx, chromedp.Poll[bool]("Boolean("+expression+")",
		chromedp.WithPollingInterval(10*time.Millisecond), chromedp.WithPollingTimeout(d)))
	return err == nil
}

func evaluate[T any](p *person, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.fail(fmt.Sprintf("cannot evaluate %s: %v", expression, err))
	}
	return v
}

func (p *person) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.fail(fmt.Sprintf("cannot %s: %v", what, err))
	}
}

// fail ends the test with what the person has on the screen.
func (p *person) fail(what string) {
	p.t.Helper()
	screen, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.body.innerText`))
	p.mu.Lock()
	exceptions := strings.Join(p.exceptions, "\n")
	p.mu.Unlock()
	p.t.Fatalf("%s %s\n--- the page ---\n%s\n--- exceptions ---\n%s", p.nick, what, screen, exceptions)
}

// checkScripts fails the test when a script of the page has failed.
func (p *person) checkScripts() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.exceptions {
		p.t.Errorf("in %s's page: %s", p.nick, e)
	}
}

// keep saves what the person sees among the artifacts.
func (p *person) keep(name string) {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	dir := filepath.Join("..", "..", "artifacts")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// js returns a value as a JavaScript expression.
func js(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
