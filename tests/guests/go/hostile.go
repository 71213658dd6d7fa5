// Command hostile is a processor that misbehaves as its settings say: it throws, loops, or takes all memory. What the host's
// log says of it must name this file and the line. With "churn" it behaves, and keeps the garbage collector busy.
package main

import (
	"spanmill.dev/sdk"
	"spanmill.dev/sdk/processor"
)

func init() { processor.Register[Hostile]() }

func main() {}

// Hostile is the plugin.
type Hostile struct {
	how    string
	name   spanmill.TextField
	leaked [][]byte
	kept   map[string][]string
}

// Configure takes what it does.
func (h *Hostile) Configure(settings spanmill.Settings, contract *spanmill.Contract) error {
	config := struct {
		How string `json:"how"`
	}{}
	problems := settings.Decode(&config)
	h.how = config.How
	h.name = contract.ReadText("span.name")
	h.kept = map[string][]string{}
	return problems.Err()
}

// Process does it.
func (h *Hostile) Process(batch *spanmill.Batch, outcome *spanmill.Outcome) error {
	names := batch.Text(h.name)
	if h.how == "churn" {
		h.churn(batch, outcome, names)
		return nil
	}
	h.handle(names)
	return nil
}

//go:noinline
func (h *Hostile) handle(names []uint32) { h.misbehave(names) }

//go:noinline
func (h *Hostile) misbehave(names []uint32) {
	switch h.how {
	case "throw":
		// Beyond the last row.
		h.leaked[names[len(names)]] = nil
	case "loop":
		for turns := 0; ; turns++ {
			h.kept[""] = nil
		}
	case "leak":
		for {
			h.leaked = append(h.leaked, make([]byte, 1<<20))
		}
	}
}

// churn allocates much, keeps some of it for a while, and drops the rows whose names it has seen for the first time. What it
// kept must still be there.
func (h *Hostile) churn(batch *spanmill.Batch, outcome *spanmill.Outcome, names []uint32) {
	for row, index := range names {
		name := string([]byte(batch.Texts.Get(index)))
		seen, isKnown := h.kept[name]
		if !isKnown {
			outcome.DropRow(spanmill.Span, row)
		}
		for _, kept := range seen {
			if kept != name {
				panic("what was kept is another text now")
			}
		}
		if len(seen) == 64 {
			seen = nil
		}
		h.kept[name] = append(seen, string([]byte(name)))
	}
}
