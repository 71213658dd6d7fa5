package main

import (
	"regexp"

	"spanmill.dev/sdk"
)

// A pattern is what a segment looks like, and what stands in its place.
type pattern struct {
	matches *regexp.Regexp
	name    string
}

// What ids usually look like: numbers, UUIDs, and long hexadecimal numbers such as hashes and object ids.
var usual = []string{
	`[0-9]+`,
	`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`,
	`[0-9a-fA-F]{16,}`,
}

var isName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// read takes the settings, with every mistake in them.
func read(settings spanmill.Settings) ([]pattern, spanmill.Problems) {
	type entry struct {
		Pattern string `json:"pattern"`
		Name    string `json:"name,omitempty"`
	}
	var config struct {
		Patterns []entry `json:"patterns,omitempty"`
	}
	problems := settings.Decode(&config)
	if config.Patterns == nil {
		for _, pattern := range usual {
			config.Patterns = append(config.Patterns, entry{Pattern: pattern})
		}
	}
	var patterns []pattern
	for at, entry := range config.Patterns {
		if entry.Name == "" {
			entry.Name = "id"
		}
		if !isName.MatchString(entry.Name) {
			problems.Add(spanmill.Pointer("patterns", at, "name"), "must be lower-case letters, digits and `_`, as in `order_id`")
		}
		matches, err := wholly(entry.Pattern)
		if err != nil {
			problems.Add(spanmill.Pointer("patterns", at, "pattern"), err.Error())
			continue
		}
		patterns = append(patterns, pattern{matches, "{" + entry.Name + "}"})
	}
	return patterns, problems
}

// wholly compiles a pattern that has to match a whole segment.
func wholly(pattern string) (*regexp.Regexp, error) {
	// By itself first: the error is then about what was written, and `)(` is one.
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, err
	}
	return regexp.Compile(`^(?:` + pattern + `)$`)
}
