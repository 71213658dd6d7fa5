// Command route_normaliser is a plugin that replaces ids in paths by placeholders: /users/123 becomes /users/{id}.
package main

import (
	_ "embed"
	"strings"

	"spanmill.dev/sdk"
	"spanmill.dev/sdk/about"
	"spanmill.dev/sdk/processor"
)

//go:embed settings.schema.json
var schema string

func init() {
	processor.Register[RouteNormaliser]()
	about.Register(spanmill.About{
		Name:           "route_normaliser",
		Version:        "0.1.0",
		Summary:        "Replaces ids in routes, paths and span names by placeholders.",
		SettingsSchema: schema,
	})
}

func main() {}

// An attribute is one that is read and written.
type attribute struct {
	read  spanmill.AttributeField
	write spanmill.WriteField
}

// RouteNormaliser is the plugin.
type RouteNormaliser struct {
	patterns   []pattern
	attributes []attribute
	name       spanmill.TextField
	writeName  spanmill.WriteField
	// What becomes of each distinct text: the index of a new one, or Absent if it stays.
	normalised *spanmill.Answers[uint32]
	outcome    *spanmill.Outcome
}

// Configure takes the settings and declares the fields.
func (r *RouteNormaliser) Configure(settings spanmill.Settings, contract *spanmill.Contract) error {
	patterns, problems := read(settings)
	r.patterns = patterns
	for _, key := range []string{"http.route", "url.path"} {
		r.attributes = append(r.attributes, attribute{
			read:  contract.ReadAttribute(spanmill.Span, key),
			write: contract.WriteAttribute(spanmill.Span, key),
		})
	}
	r.name = contract.ReadText("span.name")
	r.writeName = contract.Write("span.name")
	r.normalised = spanmill.NewAnswers(spanmill.Absent, func(text string) uint32 {
		if normalised, changed := r.normalise(text); changed {
			return r.outcome.Text(normalised)
		}
		return spanmill.Absent
	})
	return problems.Err()
}

// Process looks at each distinct text once, and writes the rows that have one that changes.
func (r *RouteNormaliser) Process(batch *spanmill.Batch, outcome *spanmill.Outcome) error {
	r.outcome = outcome
	r.normalised.Begin(batch)
	for _, attribute := range r.attributes {
		r.write(attribute.write, batch.AttributeTexts(attribute.read))
	}
	r.write(r.writeName, batch.Text(r.name))
	return nil
}

func (r *RouteNormaliser) write(field spanmill.WriteField, column []uint32) {
	for row, text := range column {
		if normalised := r.normalised.Get(text); normalised != spanmill.Absent {
			r.outcome.Set(field, row, spanmill.TextCell(normalised))
		}
	}
}

// normalise replaces the segments of a path that match a pattern. A span's name may have a word before the path, as in
// "GET /users/123".
func (r *RouteNormaliser) normalise(text string) (normalised string, changed bool) {
	start := strings.IndexByte(text, '/')
	if start < 0 || start > 0 && text[start-1] != ' ' {
		return text, false
	}
	end := len(text)
	if query := strings.IndexAny(text, "?#"); query > start {
		end = query
	}
	segments := strings.Split(text[start:end], "/")
	for at, segment := range segments {
		if name, matches := r.placeholder(segment); matches {
			segments[at] = name
			changed = true
		}
	}
	if !changed {
		return text, false
	}
	return text[:start] + strings.Join(segments, "/") + text[end:], true
}

// placeholder is what a segment is replaced by, if it is one to replace.
func (r *RouteNormaliser) placeholder(segment string) (string, bool) {
	if segment == "" {
		return "", false
	}
	for _, pattern := range r.patterns {
		if pattern.matches.MatchString(segment) {
			return pattern.name, true
		}
	}
	return "", false
}
