package spanmilltest_test

import (
	"reflect"
	"testing"

	"spanmill.dev/sdk"
	"spanmill.dev/sdk/spanmilltest"
)

// editor does one of each edit.
type editor struct {
	route     spanmill.AttributeField
	list      spanmill.ListField
	name      spanmill.TextField
	writeName spanmill.WriteField
	writeList spanmill.WriteField
	writeAttr spanmill.WriteField
	writeCode spanmill.WriteField
	do        func(e *editor, b *spanmill.Batch, o *spanmill.Outcome)
	edits     spanmill.Counter
}

func (e *editor) Configure(_ spanmill.Settings, contract *spanmill.Contract) error {
	e.route = contract.ReadAttribute(spanmill.Span, "http.route")
	e.list = contract.ReadAttributes(spanmill.Span)
	e.name = contract.ReadText("span.name")
	e.writeName = contract.Write("span.name")
	e.writeList = contract.WriteAttributes(spanmill.Span)
	e.writeAttr = contract.WriteAttribute(spanmill.Span, "http.route")
	e.writeCode = contract.Write("span.status.code")
	e.edits = contract.Counter("edits")
	return nil
}

func (e *editor) Process(batch *spanmill.Batch, outcome *spanmill.Outcome) error {
	e.do(e, batch, outcome)
	return nil
}

func edit(t *testing.T, do func(e *editor, b *spanmill.Batch, o *spanmill.Outcome)) []*spanmilltest.Record {
	t.Helper()
	kit := spanmilltest.New(t, &editor{do: do}, `{}`)
	spans := spanmilltest.Spans(
		spanmilltest.Span("a").Attr("http.route", "/a").Attr("x", 1),
		spanmilltest.Span("b").Attr("y", "/a").Attr("z", true),
		spanmilltest.Span("c"),
	)
	return kit.Run(spans).Rows(spanmill.Span)
}

func pairs(record *spanmilltest.Record) []spanmilltest.KeyValue { return record.Attributes }

func TestRowsAreWrittenInOrderAndTheLastValueCounts(t *testing.T) {
	rows := edit(t, func(e *editor, b *spanmill.Batch, o *spanmill.Outcome) {
		o.Set(e.writeName, 2, spanmill.TextCell(o.Text("late")))
		o.Set(e.writeName, 0, spanmill.TextCell(o.Text("first")))
		o.Set(e.writeName, 2, spanmill.TextCell(o.Text("last")))
		o.SetAll(e.writeCode, spanmill.IntCell(2))
		o.Set(e.writeCode, 1, spanmill.IntCell(1))
	})
	for row, want := range []string{"first", "b", "last"} {
		if got := rows[row].Name(); got != want {
			t.Errorf("row %d is %q, want %q", row, got, want)
		}
	}
	for row, want := range []uint32{2, 1, 2} {
		if got := rows[row].Get("status.code"); got != want {
			t.Errorf("code %d is %v, want %d", row, got, want)
		}
	}
}

func TestAttributesAreWrittenReplacedRemovedAndAppended(t *testing.T) {
	rows := edit(t, func(e *editor, b *spanmill.Batch, o *spanmill.Outcome) {
		list := b.Attributes(e.list)
		first, _ := list.Entries(1)
		o.Replace(e.writeList, list.Values.At(0).Text(), o.Text("/masked"))
		o.SetEntry(e.writeList, 1, spanmill.DoubleCell(0.5))
		o.RemoveEntry(e.writeList, first+1)
		o.RemoveEntry(e.writeList, first+1)
		o.Set(e.writeAttr, 2, spanmill.EmptyCell())
		o.Append(e.writeList, 0, o.Text("seen"), spanmill.BoolCell(true))
	})
	want := [][]spanmilltest.KeyValue{
		{{Key: "http.route", Value: "/masked"}, {Key: "x", Value: 0.5}, {Key: "seen", Value: true}},
		{{Key: "y", Value: "/masked"}},
		{{Key: "http.route", Value: nil}},
	}
	for row := range want {
		if got := pairs(rows[row]); !reflect.DeepEqual(got, want[row]) {
			t.Errorf("row %d has %v, want %v", row, got, want[row])
		}
	}
}

func TestAnAttributeReadsTheSameAsTextsAndAsCells(t *testing.T) {
	kit := spanmilltest.New(t, &editor{do: func(e *editor, b *spanmill.Batch, o *spanmill.Outcome) {
		values := b.Attribute(e.route)
		for row, text := range b.AttributeTexts(e.route) {
			if text != values.Text(row) || text != values.At(row).Text() {
				t.Errorf("row %d is text %d, %d and %d", row, text, values.Text(row), values.At(row).Text())
			}
			if b.Texts.Get(text) == "/drop" {
				o.DropRow(spanmill.Span, row)
			}
		}
	}}, `{}`)
	drop, keep := spanmilltest.Span("d").Attr("http.route", "/drop"), spanmilltest.Span("k")
	for _, other := range []*spanmilltest.Record{spanmilltest.Span("n").Attr("http.route", 5), spanmilltest.Span("t").Attr("http.route", "/t")} {
		changed := kit.Run(spanmilltest.Spans(drop, other, keep))
		if got := changed.Names(spanmill.Span); len(got) != 2 || changed.Dropped[spanmill.Span] != 1 {
			t.Errorf("left are %q", got)
		}
	}
}

func TestEventsAndWhatIsEmptiedGoAlong(t *testing.T) {
	kit := spanmilltest.New(t, &editor{do: func(e *editor, b *spanmill.Batch, o *spanmill.Outcome) {
		for row := range b.Rows(spanmill.Span) {
			o.DropRow(spanmill.Span, row)
		}
	}}, `{}`)
	changed := kit.Run(spanmilltest.Spans(spanmilltest.Span("a").With(spanmilltest.Event("e"))))
	if len(changed.Resources) != 0 {
		t.Errorf("%d resources are left", len(changed.Resources))
	}
}

func TestAFieldReadAsWhatItIsNotPanics(t *testing.T) {
	defer func() {
		if got, want := recover(), "spanmill: span.kind is narrow; ReadText reads text"; got != want {
			t.Errorf("%v, want %s", got, want)
		}
	}()
	spanmill.NewContract(spanmill.Traces).ReadText("span.kind")
}
