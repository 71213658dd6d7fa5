package main

import (
	"slices"

	"spanmill.dev/sdk"
)

// An objective is how many of a hundred requests are to be good.
type objective struct {
	Name   string  `json:"name"`
	Target float64 `json:"target"`
	// Services it is about; none: all.
	Services []string `json:"services,omitempty"`
	// LatencyMs is what a good request takes at most; nil: it takes what it takes.
	LatencyMs *float64 `json:"latency_ms"`
}

// isAbout tells whether a service is one of the objective's, by its index.
func (o *objective) isAbout(batch *spanmill.Batch, service uint32) bool {
	if len(o.Services) == 0 {
		return true
	}
	return service != spanmill.Absent && slices.Contains(o.Services, batch.Texts.Get(service))
}

// read takes the settings, with every mistake in them.
func read(settings spanmill.Settings) ([]objective, spanmill.Problems) {
	var config struct {
		Objectives []objective `json:"objectives"`
	}
	problems := settings.Decode(&config)
	if len(problems) > 0 {
		return nil, problems
	}
	if len(config.Objectives) == 0 {
		problems.Add("/objectives", "must have an objective")
	}
	names := map[string]bool{}
	for at, objective := range config.Objectives {
		mistake := func(key, message string) { problems.Add(spanmill.Pointer("objectives", at, key), message) }
		switch {
		case objective.Name == "":
			mistake("name", "must not be empty")
		case names[objective.Name]:
			mistake("name", "is the name of another objective")
		}
		names[objective.Name] = true
		if objective.Target <= 0 || objective.Target >= 100 {
			mistake("target", "must be above 0 and below 100")
		}
		if objective.LatencyMs != nil && *objective.LatencyMs <= 0 {
			mistake("latency_ms", "must be above 0")
		}
	}
	return config.Objectives, problems
}
