package spanmill

import "strings"

// The fields with a fixed place, as the contract lists them; attributes aside, which every context has.
var fields = map[string]fieldKind{
	"resource.dropped_attributes_count":  {shapeNarrow, false},
	"resource.schema_url":                {shapeText, false},
	"scope.name":                         {shapeText, true},
	"scope.version":                      {shapeText, true},
	"scope.dropped_attributes_count":     {shapeNarrow, false},
	"scope.schema_url":                   {shapeText, false},
	"span.trace_id":                      {shapeTraceID, false},
	"span.span_id":                       {shapeWide, false},
	"span.parent_span_id":                {shapeWide, false},
	"span.trace_state":                   {shapeText, true},
	"span.name":                          {shapeText, true},
	"span.kind":                          {shapeNarrow, true},
	"span.start_time_unix_nano":          {shapeWide, true},
	"span.end_time_unix_nano":            {shapeWide, true},
	"span.dropped_attributes_count":      {shapeNarrow, false},
	"span.dropped_events_count":          {shapeNarrow, false},
	"span.dropped_links_count":           {shapeNarrow, false},
	"span.status.message":                {shapeText, true},
	"span.status.code":                   {shapeNarrow, true},
	"span.flags":                         {shapeNarrow, false},
	"span.encoded_size":                  {shapeNarrow, false},
	"spanevent.name":                     {shapeText, true},
	"spanevent.time_unix_nano":           {shapeWide, true},
	"spanevent.dropped_attributes_count": {shapeNarrow, false},
	"spanlink.trace_id":                  {shapeTraceID, false},
	"spanlink.span_id":                   {shapeWide, false},
	"spanlink.trace_state":               {shapeText, false},
	"spanlink.flags":                     {shapeNarrow, false},
	"spanlink.dropped_attributes_count":  {shapeNarrow, false},
	"log.time_unix_nano":                 {shapeWide, true},
	"log.observed_time_unix_nano":        {shapeWide, true},
	"log.severity_number":                {shapeNarrow, true},
	"log.severity_text":                  {shapeText, true},
	"log.event_name":                     {shapeText, true},
	"log.body":                           {shapeCells, true},
	"log.trace_id":                       {shapeTraceID, false},
	"log.span_id":                        {shapeWide, false},
	"log.flags":                          {shapeNarrow, false},
	"log.dropped_attributes_count":       {shapeNarrow, false},
	"log.encoded_size":                   {shapeNarrow, false},
	"metric.name":                        {shapeText, true},
	"metric.description":                 {shapeText, true},
	"metric.unit":                        {shapeText, true},
	"metric.type":                        {shapeNarrow, false},
	"metric.aggregation_temporality":     {shapeNarrow, true},
	"metric.is_monotonic":                {shapeNarrow, true},
	"datapoint.start_time_unix_nano":     {shapeWide, true},
	"datapoint.time_unix_nano":           {shapeWide, true},
	"datapoint.flags":                    {shapeNarrow, true},
	"datapoint.value":                    {shapeCells, true},
	"datapoint.count":                    {shapeWide, false},
	"datapoint.sum":                      {shapeCells, false},
	"datapoint.min":                      {shapeCells, false},
	"datapoint.max":                      {shapeCells, false},
	"datapoint.scale":                    {shapeCells, false},
	"datapoint.zero_count":               {shapeWide, false},
	"datapoint.zero_threshold":           {shapeCells, false},
	"datapoint.bucket_counts":            {shapeCells, false},
	"datapoint.explicit_bounds":          {shapeCells, false},
	"datapoint.positive.offset":          {shapeCells, false},
	"datapoint.negative.offset":          {shapeCells, false},
	"datapoint.positive.bucket_counts":   {shapeCells, false},
	"datapoint.negative.bucket_counts":   {shapeCells, false},
	"datapoint.quantile_values":          {shapeCells, false},
}

type fieldKind struct {
	shape    shape
	writable bool
}

// What paths of each context begin with.
var prefixes = [contexts]string{
	"resource", "scope", "span", "spanevent", "spanlink", "log", "metric", "datapoint",
}

// String is what paths of the context begin with, such as "span".
func (c Context) String() string { return prefixes[c] }

// String is the signal's name, as in the names of pipelines.
func (s Signal) String() string { return [...]string{"traces", "logs", "metrics"}[s] }

// Item is the context that the signal counts by: span, log record or data point.
func (s Signal) Item() Context { return [...]Context{Span, Log, DataPoint}[s] }

// AttributesPath is the path of a whole attribute list: `span.attributes`, or `metric.metadata`.
func AttributesPath(context Context) string {
	if context == Metric {
		return "metric.metadata"
	}
	return prefixes[context] + ".attributes"
}

// AttributePath is the path of one attribute: `span.attributes["http.route"]`.
func AttributePath(context Context, key string) string {
	return AttributesPath(context) + `["` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"]`
}

// ParsePath takes a path apart: its context, the name behind the context's, and the key if it names one attribute.
func ParsePath(path string) (context Context, name string, key string, isAttribute bool) {
	prefix, name, _ := strings.Cut(path, ".")
	for candidate, known := range prefixes {
		if known != prefix {
			continue
		}
		context = Context(candidate)
		list := AttributesPath(context)
		if rest, ok := strings.CutPrefix(path, list+`["`); ok {
			key = strings.TrimSuffix(rest, `"]`)
			key = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(key)
			return context, strings.TrimPrefix(list, prefix+"."), key, true
		}
		return context, name, "", false
	}
	panic("spanmill: " + path + " names no context; begin it as in span.name")
}
