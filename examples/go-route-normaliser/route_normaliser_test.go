package main

import (
	"testing"

	"spanmill.dev/sdk"
	"spanmill.dev/sdk/spanmilltest"
)

func TestIdsInPathsBecomePlaceholders(t *testing.T) {
	plugin := &RouteNormaliser{}
	spanmilltest.New(t, plugin, `{}`)
	for text, want := range map[string]string{
		"/users/123/orders/9f0c1b7a55e24d10":           "/users/{id}/orders/{id}",
		"GET /users/123":                               "GET /users/{id}",
		"/files/0195f3a2-7c1e-7b3a-9d52-1f0c2a9be871/": "/files/{id}/",
		"/users/123?tab=7":                             "/users/{id}?tab=7",
		"/v2/users/{userId}/12-b":                      "/v2/users/{userId}/12-b",
		"//1":                                          "//{id}",
		"/":                                            "/",
		"":                                             "",
		"process order 123":                            "process order 123",
		"shop.Orders/Get":                              "shop.Orders/Get",
		"https://shop.example/123":                     "https://shop.example/123",
		"?/123":                                        "?/123",
	} {
		if got, changed := plugin.normalise(text); got != want || changed != (got != text) {
			t.Errorf("%q becomes %q (%v), want %q", text, got, changed, want)
		}
	}
}

func TestEachFieldIsWritten(t *testing.T) {
	kit := spanmilltest.New(t, &RouteNormaliser{}, `{"patterns": [{"pattern": "[A-Z]{3}-[0-9]+", "name": "sku"}]}`)
	left := kit.Run(spanmilltest.Spans(
		spanmilltest.Span("GET /items/ABC-17").Attr("url.path", "/items/ABC-17").Attr("http.route", "/items/ABC-17"),
		spanmilltest.Span("GET /items/17").Attr("url.path", "/items/17").Attr("http.route", 17),
		spanmilltest.Span(""),
	)).Rows(spanmill.Span)
	for at, want := range []string{"/items/{sku}", "/items/17"} {
		if got, _ := left[at].Value("url.path"); got != want {
			t.Errorf("span %d has the path %v, want %s", at, got, want)
		}
		if got := left[at].Name(); got != "GET "+want {
			t.Errorf("span %d is called %s, want GET %s", at, got, want)
		}
	}
	if got, _ := left[0].Value("http.route"); got != "/items/{sku}" {
		t.Errorf("the route is %v", got)
	}
	if got, _ := left[1].Value("http.route"); got != int64(17) {
		t.Errorf("a route that is no text became %v", got)
	}
}

func TestEveryMistakeInTheSettingsIsTold(t *testing.T) {
	for settings, want := range map[string]string{
		`{"patterns": [{"pattern": "("}, {"pattern": "a", "name": "{id}"}]}`: "/patterns/0/pattern: error parsing regexp: missing closing ): `(`; " +
			"/patterns/1/name: must be lower-case letters, digits and `_`, as in `order_id`",
		`{"patterns": [{"pattern": ")("}]}`: "/patterns/0/pattern: error parsing regexp: unexpected ): `)(`",
		`{"patterns": [{"name": "id"}]}`:    "/patterns/0: missing key `pattern`",
		`{"pattern": []}`:                   "/pattern: unknown key `pattern`; did you mean `patterns`?",
	} {
		if _, err := spanmilltest.Configure(t, &RouteNormaliser{}, settings); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", settings, err, want)
		}
	}
}
