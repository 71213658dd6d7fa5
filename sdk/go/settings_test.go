package spanmill

import (
	"reflect"
	"testing"
)

type inner struct {
	Key string `json:"key"`
}

type config struct {
	Routes []string          `json:"routes"`
	Rate   float64           `json:"rate,omitempty"`
	Most   uint8             `json:"most,omitempty"`
	Inner  *inner            `json:"inner"`
	Labels map[string]string `json:"labels,omitempty"`
	Any    any               `json:"any,omitempty"`
}

func TestSettingsAreDecoded(t *testing.T) {
	var got config
	text := `{"routes": ["/a", "\u00e9\ud83e\udd80\n"], "rate": 1.5e1, "most": 255, "inner": {"key": "k"}, "labels": {"a/b": "c"}, "any": [1, null]}`
	if err := Settings(text).Decode(&got).Err(); err != nil {
		t.Fatal(err)
	}
	want := config{[]string{"/a", "é🦀\n"}, 15, 255, &inner{"k"}, map[string]string{"a/b": "c"}, []any{1.0, nil}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestEveryMistakeIsToldWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		`{"routes": ["/a", 1], "rate": "x", "most": 256, "inner": {"keyy": 1}, "labels": {"a/b": 2}, "ruotes": 0, "zzz": 0}`: "/routes/1: must be a text, not a number; /rate: must be a number, not a text; " +
			"/most: must be a whole number, not negative, of at most 8 bits; /inner: missing key `key`; " +
			"/inner/keyy: unknown key `keyy`; did you mean `key`?; /labels/a~1b: must be a text, not a number; " +
			"/ruotes: unknown key `ruotes`; did you mean `routes`?; " +
			"/zzz: unknown key `zzz`; known are `routes`, `rate`, `most`, `inner`, `labels`, `any`",
		`null`:                         "missing key `routes`",
		`[]`:                           "must be a mapping, not a list",
		`{"routes": [`:                 "the settings are no JSON",
		`{"routes": [], "routes": []}`: "/routes: the key stands there twice; take one out",
	} {
		if err := Settings(text).Decode(&config{}).Err(); err == nil || err.Error() != want {
			t.Errorf("%s:\n%v, want\n%s", text, err, want)
		}
	}
}

func TestPathsAreTakenApart(t *testing.T) {
	path := AttributePath(Span, `a"b\c`)
	if want := `span.attributes["a\"b\\c"]`; path != want {
		t.Errorf("%s, want %s", path, want)
	}
	if context, name, key, isAttribute := ParsePath(path); context != Span || name != "attributes" || key != `a"b\c` || !isAttribute {
		t.Errorf("%v %s %s %v", context, name, key, isAttribute)
	}
	if AttributesPath(Metric) != "metric.metadata" {
		t.Error("metrics have metadata")
	}
}

func TestAnswersAreAskedOncePerText(t *testing.T) {
	batch := NativeBatch(Traces, 0, Texts{[]uint32{1, 2}, []byte("ab")}, nil)
	asked := 0
	answers := NewAnswers(-1, func(text string) int {
		asked++
		return int(text[0])
	})
	got := answers.Of(batch, []uint32{0, 1, Absent, 1, 0})
	if want := []int{'a', 'b', -1, 'b', 'a'}; !reflect.DeepEqual(got, want) || asked != 2 {
		t.Errorf("%v after %d questions, want %v after 2", got, asked, want)
	}
}
