// Package e2e tests the examples the way people use them: it builds the program,
// runs it, and drives the page in a browser. It is a module of its own so that a
// copy of an example does not include the tools of its test.
package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

func TestChat(t *testing.T) {
	browser := startBrowser(t, require(t))
	program := buildChat(t)
	for _, mode := range []struct {
		name, query, transport  string
		usesPolling, screenshot bool
	}{
		{name: "upgrade", query: "", transport: "websocket", usesPolling: true, screenshot: true},
		{name: "polling", query: "?transports=polling", transport: "polling", usesPolling: true},
		{name: "websocket", query: "?transports=websocket", transport: "websocket"},
	} {
		t.Run(mode.name, func(t *testing.T) {
			server := start(t, program, "127.0.0.1:0")
			ada := open(t, browser, "Ada", server.url+"/"+mode.query)
			grace := open(t, browser, "Grace", server.url+"/"+mode.query)
			linus := open(t, browser, "Linus", server.url+"/"+mode.query)
			everyone := []*person{ada, grace, linus}
			for _, p := range everyone {
				p.wait("a script that is ready", `document.readyState === "complete"`)
				evaluate[string](p, keepBlobs)
			}

			// Nicks: what is wrong with one is said, and another can be chosen.
			ada.join(strings.Repeat("A", 21))
			ada.sees("#login-problem", "at most 20 characters")
			ada.join("Ada")
			ada.sees("#people", "Ada")
			grace.join("ada")
			grace.sees("#login-problem", "The nick ada is taken")
			grace.wait("the suggestion", `document.querySelector("#nick").value === "ada2"`)
			grace.join("Grace")
			linus.join("Linus")
			linus.sees("#people", "Grace")
			linus.click("#rooms button:last-child")
			linus.sees("#room", "random")

			// Transports.
			for _, p := range everyone {
				p.sees("#status", mode.transport)
				polled := evaluate[bool](p, `performance.getEntriesByType("resource").some(e => e.name.includes("transport=polling"))`)
				if polled != mode.usesPolling {
					t.Errorf("%s's page used polling: %v, want %v", p.nick, polled, mode.usesPolling)
				}
			}

			// Who is online, and where.
			ada.sees("#logs .note", "Grace came in")
			ada.sees("#people li", "Grace")
			ada.sees("#people li", "random") // where Linus is
			grace.sees("#people li", "Ada")

			// Messages both ways, as text whatever is in them.
			ada.write("Hi Grace! Have you seen the new Socket.IO server for Go?\n")
			grace.sees(".bubble", "the new Socket.IO server for Go?")
			grace.write("Just reading <b>the guide</b> & the examples ☺\n")
			ada.sees(".bubble", "Just reading <b>the guide</b> & the examples ☺")
			ada.sees(".mine .bubble", "Hi Grace!")

			// Problems are shown, and nothing of the message is lost.
			long := strings.Repeat("x", 1001)
			ada.fill("#text", long)
			ada.write("\n")
			ada.sees("#problem", "at most 1000 characters; this one has 1001")
			ada.wait("the text to correct", `document.querySelector("#text").value.length === 1001`)
			ada.fill("#text", "")

			// Images, pasted.
			sunset := drawSunset(t)
			grace.paste(sunset, "image/png")
			for _, p := range []*person{ada, grace} {
				p.wait("the image", `document.querySelector(".bubble img")?.naturalWidth === 480`)
				if got := p.image(); !bytes.Equal(got, sunset) {
					t.Errorf("%s got an image of %d bytes that is not the one of %d bytes that was sent", p.nick, len(got), len(sunset))
				}
			}
			grace.paste([]byte("<svg/>"), "image/png")
			grace.sees("#problem", "Only PNG, JPEG, GIF and WebP")
			grace.paste(make([]byte, 1<<20+1), "image/png")
			grace.sees("#problem", "at most 1024 KiB")
			grace.write("This is where I am reading it.\n")

			// Private messages, and that they were delivered.
			ada.click("#people li:nth-child(2) button")
			ada.sees("#recipient", "Private message to Grace")
			ada.write("Lovely! Shall we meet in the gophers room?\n")
			ada.sees(".private .state", "delivered ✓")
			grace.sees(".private .bubble", "Shall we meet in the gophers room?")
			grace.seesNot("delivered")
			ada.click("#recipient button")

			// Typing. The event may get lost, as it is volatile: so keep typing.
			typed := "On my way, just a second"
			noticed := false
			for i := 0; !noticed && i < len(typed); i++ {
				grace.write(typed[i : i+1])
				noticed = ada.waits(`document.querySelector("#typing").innerText.includes("Grace is typing")`, 1200*time.Millisecond)
			}
			if !noticed {
				ada.fail("is not told that Grace is typing")
			}
			if mode.screenshot {
				ada.keep("chat.png")
				ada.keepDarkPhone("chat-phone.png")
			}
			grace.write("!\n")
			ada.wait("an end of the typing", `document.querySelector("#typing").innerText === ""`)

			// Rooms.
			grace.click("#rooms button:nth-child(2)")
			grace.sees("#room", "gophers")
			ada.sees("#logs .note", "Grace left")
			grace.write("Is anybody here? 🙂\n")
			grace.sees(".bubble", "Is anybody here? 🙂")
			ada.click("#rooms button:nth-child(2)")
			ada.sees("#room", "gophers")
			grace.sees("#logs .note", "Ada came in")
			grace.write("Welcome to the burrow.\n")
			ada.sees(".bubble", "Welcome to the burrow.")
			ada.seesNot("Is anybody here?")
			ada.seesNot("the new Socket.IO server")

			// A reloaded page is back with its nick, in its room.
			grace.do("reload the page", chromedp.Reload())
			grace.sees("#room", "gophers")
			grace.sees("#people [disabled]", "Grace")
			grace.sees("#status", mode.transport)

			// The server restarts: the pages come back by themselves.
			evaluate[bool](ada, `window.same = true`)
			server.stop(t)
			for _, p := range everyone {
				p.sees("#status.offline", "reconnecting")
			}
			server = start(t, program, strings.TrimPrefix(server.url, "http://"))
			for _, p := range everyone {
				p.sees("#logs .note", "You are back")
				p.sees("#status", mode.transport)
			}
			ada.sees("#room", "gophers")
			ada.sees("#people", "Grace")
			ada.write("Still there?\n")
			grace.sees(".bubble", "Still there?")
			grace.write("As if nothing had happened.\n")
			ada.sees(".bubble", "As if nothing had happened.")
			if !evaluate[bool](ada, `window.same === true`) {
				t.Error("the page was loaded anew")
			}

			// Linus was in another room all the time.
			if n := evaluate[int](linus, `document.querySelectorAll(".bubble").length`); n != 0 {
				t.Errorf("Linus got %d messages that were not for him", n)
			}
			for _, p := range everyone {
				p.checkScripts()
			}
			server.stop(t)
		})
	}
}

// keepBlobs makes the page remember what its blob: addresses stand for: its
// security policy does not let a script fetch them.
const keepBlobs = `
	window.blobs = {};
	const create = URL.createObjectURL;
	URL.createObjectURL = blob => { const url = create(blob); window.blobs[url] = blob; return url };
	"done"`

// image returns the bytes of the image that the person sees.
func (p *person) image() []byte {
	p.t.Helper()
	dataURL := evaluate[string](p, `new Promise((resolve, reject) => {
		const reader = new FileReader();
		reader.onload = () => resolve(reader.result);
		reader.onerror = () => reject(reader.error);
		reader.readAsDataURL(window.blobs[document.querySelector(".bubble img").src]);
	})`)
	data, ok := strings.CutPrefix(dataURL, "data:image/png;base64,")
	if !ok {
		p.t.Fatalf("%s's image is %.40s", p.nick, dataURL)
	}
	b, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

// paste pastes a file from the clipboard.
func (p *person) paste(data []byte, mediaType string) {
	p.t.Helper()
	evaluate[bool](p, `(() => {
		const bytes = Uint8Array.from(atob(`+js(data)+`), c => c.charCodeAt(0));
		const clipboardData = new DataTransfer();
		clipboardData.items.add(new File([bytes], "image", { type: `+js(mediaType)+` }));
		return document.querySelector("#text").dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
	})()`)
}

// keepDarkPhone saves what the person would see on a phone at night.
func (p *person) keepDarkPhone(name string) {
	p.t.Helper()
	scheme := func(value string) chromedp.Action[chromedp.Void] {
		return func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
			return chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}},
			})
		}
	}
	p.do("take a phone", chromedp.EmulateViewport(390, 780, chromedp.EmulateMobile), scheme("dark"))
	p.wait("the menu to be gone", `getComputedStyle(document.querySelector("aside")).visibility === "hidden"`)
	p.keep(name)
	p.do("put it away", chromedp.EmulateViewport(1100, 760), scheme("light"))
}

// drawSunset returns a PNG of 480 by 270 pixels.
func drawSunset(t *testing.T) []byte {
	t.Helper()
	const w, h = 480, 270
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	mix := func(a, b color.RGBA, f float64) color.RGBA {
		f = min(max(f, 0), 1)
		m := func(x, y uint8) uint8 { return uint8(float64(x) + f*(float64(y)-float64(x))) }
		return color.RGBA{m(a.R, b.R), m(a.G, b.G), m(a.B, b.B), 255}
	}
	var (
		night  = color.RGBA{54, 40, 108, 255}
		dusk   = color.RGBA{250, 140, 100, 255}
		sun    = color.RGBA{255, 236, 170, 255}
		hills  = color.RGBA{70, 42, 100, 255}
		meadow = color.RGBA{36, 24, 64, 255}
	)
	for y := range h {
		for x := range w {
			fx, fy := float64(x), float64(y)
			c := mix(night, dusk, fy/190)
			d := math.Hypot(fx-330, fy-140)
			c = mix(c, sun, 0.6-d/160)
			c = mix(c, sun, 35-d)
			if fy > 175+22*math.Sin(fx/70)+8*math.Sin(fx/23) {
				c = hills
			}
			if fy > 215+14*math.Sin(fx/95+2)+3*math.Sin(fx/17) {
				c = meadow
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
