// Command drop_routes is a plugin that drops the spans of some routes.
package main

import (
	_ "embed"
	"slices"

	"spanmill.dev/sdk"
	"spanmill.dev/sdk/about"
	"spanmill.dev/sdk/processor"
)

//go:embed settings.schema.json
var schema string

func init() {
	processor.Register[DropRoutes]()
	about.Register(spanmill.About{
		Name:           "drop_routes",
		Version:        "0.1.0",
		Summary:        "Drops the spans of some routes.",
		SettingsSchema: schema,
	})
}

func main() {}

// DropRoutes is the plugin.
type DropRoutes struct {
	route spanmill.AttributeField
	// Whether a route is dropped, asked once for each distinct text.
	dropped *spanmill.Answers[bool]
}

// Configure takes the settings and declares the field.
func (d *DropRoutes) Configure(settings spanmill.Settings, contract *spanmill.Contract) error {
	var config struct {
		Routes []string `json:"routes"`
	}
	problems := settings.Decode(&config)
	for at, route := range config.Routes {
		if route == "" {
			problems.Add(spanmill.Pointer("routes", at), "must not be empty; take the line out")
		}
	}
	d.route = contract.ReadAttribute(spanmill.Span, "http.route")
	d.dropped = spanmill.NewAnswers(false, func(route string) bool { return slices.Contains(config.Routes, route) })
	return problems.Err()
}

// Process drops the spans whose route is one of those.
func (d *DropRoutes) Process(batch *spanmill.Batch, outcome *spanmill.Outcome) error {
	for row, isDropped := range d.dropped.Of(batch, batch.AttributeTexts(d.route)) {
		if isDropped {
			outcome.DropRow(spanmill.Span, row)
		}
	}
	return nil
}
