package main

import (
	"bytes"
	"fmt"
	"html"
)

var colors = map[string]string{"ours": "#0b7285", "node": "#adb5bd", "floor": "#dee2e6"}

func color(subject string) string {
	if c, ok := colors[subject]; ok {
		return c
	}
	return "#96f2d7"
}

const (
	chartWidth = 760
	labelWidth = 110
	barsWidth  = 470
	barHeight  = 15
	groupGap   = 14
	headHeight = 58
)

// chart draws the primary figures as SVG. Every workload has its own scale:
// what counts are the ratios within it.
func (r *report) chart() []byte {
	var body bytes.Buffer
	y := headHeight
	for _, w := range r.workloads {
		longest, bars := 0.0, 0
		for _, subject := range r.subjects {
			if x := r.find(w.name, subject); x != nil {
				longest = max(longest, x.primary())
				bars++
			}
		}
		if bars == 0 || longest == 0 {
			continue
		}
		fmt.Fprintf(&body, `<text x="%d" y="%d" text-anchor="end" font-weight="600">%s</text>`+"\n",
			labelWidth-10, y+bars*barHeight/2+4, w.name)
		for _, subject := range r.subjects {
			x := r.find(w.name, subject)
			if x == nil {
				continue
			}
			width := max(2, int(x.primary()/longest*barsWidth))
			fmt.Fprintf(&body, `<rect x="%d" y="%d" width="%d" height="%d" rx="2" fill="%s"/><text x="%d" y="%d" fill="#495057" stroke="#fff" stroke-width="3" paint-order="stroke">%s %s %s</text>`+"\n",
				labelWidth, y, width, barHeight-3, color(subject), labelWidth+width+6, y+barHeight-4, html.EscapeString(subject), figure(x.primary()), unit(w))
			y += barHeight
		}
		// The budget is drawn where it is between this machine's floor and Node.
		budget := w.aim.budget // of memory
		if w.aim.floor > 0 {
			budget = 0
			if node, floor := r.find(w.name, "node").primary(), r.find(w.name, "floor").primary(); node > 0 && floor > 0 {
				budget = floor + (node-floor)*overhead(w.aim.budget, w.aim.node, w.aim.floor)
			}
		}
		if budget > 0 && budget <= longest {
			at := labelWidth + int(budget/longest*barsWidth)
			fmt.Fprintf(&body, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="#e8590c" stroke-width="2"/>`+"\n",
				at, at, y-bars*barHeight-2, y-(bars-1)*barHeight-1)
		}
		y += groupGap
	}

	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="system-ui, sans-serif" font-size="11">`+"\n",
		chartWidth, y+6)
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", chartWidth, y+6)
	out.WriteString(`<text x="16" y="24" font-size="15" font-weight="600">Server CPU time per message, resident memory per idle client</text>` + "\n")
	fmt.Fprintf(&out, `<text x="16" y="42" fill="#495057">Medians of interleaved rounds on %d CPUs; shorter is better; every workload has its own scale; orange: our budget, as on the machine it was set for</text>`+"\n", r.CPUs)
	out.Write(body.Bytes())
	out.WriteString("</svg>\n")
	return out.Bytes()
}
