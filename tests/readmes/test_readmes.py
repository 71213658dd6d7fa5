"""How examples are read and laid out: python3 -m unittest discover -s tests/readmes -p 'test_*.py'"""

import json
import unittest

import example
import layout

README = """# filter

## Example

The probe is dropped.

```yaml
processors:
  filter/probes:
    traces:
      # A comment.
      span:
        - name == "probe"
```

```sh
OTEL_A=b=c
```

In:

```json
{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "a"}, {"name": "probe"}]}]}]}
```

Out:

```json
{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "a"}]}]}]}
```

## Settings
"""

CONNECTOR = """## Example

```yaml
connectors:
  routing:
    table:
      - {statement: route(), pipelines: [logs/a]}
service:
  pipelines:
    logs/in: {receivers: [otlp], exporters: [routing]}
    logs/a: {receivers: [routing], processors: [x], exporters: [otlp/a, otlp/b]}
    logs/b: {receivers: [routing], exporters: [otlp]}
```

In:

```json
{"resourceLogs": []}
```

Out of `logs/b`:

```json
{"resourceLogs": [{}]}
```

Out of `logs/a`:

```json
{"resourceLogs": []}
```
"""


def groups(service, *names):
    return {"resourceSpans": [{"resource": {"service": service}, "scopeSpans": [{"scope": {}, "spans": [{"name": name} for name in names]}]}]}


class Reading(unittest.TestCase):
    def test_a_processor(self):
        found = example.parse("filter", README)
        self.assertEqual((found.section, found.component, found.env), ("processors", "filter/probes", {"OTEL_A": "b=c"}))
        self.assertEqual(found.settings(), 'traces:\n  # A comment.\n  span:\n    - name == "probe"')
        self.assertEqual(found.ends(), ["traces"])
        self.assertEqual(found.outputs["traces"]["resourceSpans"][0]["scopeSpans"][0]["spans"], [{"name": "a"}])

    def test_a_connector(self):
        found = example.parse("routing", CONNECTOR)
        self.assertEqual(found.settings(), "table:\n  - {statement: route(), pipelines: [logs/a]}")
        self.assertEqual(found.ends(), ["logs/a", "logs/b"])
        self.assertEqual(found.outputs, {"logs/a": {"resourceLogs": []}, "logs/b": {"resourceLogs": [{}]}})

    def test_what_is_missing_or_wrong_is_a_mistake(self):
        for plugin, text, part, instead, told in [
            ("filter", README, "## Example", "## Sample", "no section"),
            ("filter", README, "```yaml", "```yml", "processors:"),
            ("filter", README, "filter/probes", "other", "with filter"),
            ("filter", README, "In:", "Out:", "once each"),
            ("filter", README, "Out:", "In:", "does not say what comes out"),
            ("filter", README, "Out:", "Then:", "stands `In:`"),
            ("filter", README, "Out:", "Out of `logs`:", "once each"),
            ("filter", README, '{"name": "probe"}', '{"name": probe}', "a block of JSON: "),
            ("filter", README, '{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "a"}, {', '{"spans": [{"x": [{"y": [{', "OTLP of one signal"),
            ("routing", CONNECTOR, "Out of `logs/a`:", "Out:", "once each"),
            ("routing", CONNECTOR, "Out of `logs/a`:", "Out of `logs/b`:", "once each"),
        ]:
            self.assertIn(part, text)
            with self.subTest(instead=instead), self.assertRaisesRegex(example.Mistake, told):
                example.parse(plugin, text.replace(part, instead, 1))

    def test_a_cost_is_a_figure(self):
        self.assertTrue(example.has_cost("<!-- cost: x -->\n4.2 ns a span\n<!-- end of cost -->"))
        for text in ["4.2 ns a span", "<!-- cost: x -->\n<!-- end of cost -->\n4.2 ns a span", "<!-- cost: x -->\nmuch\n<!-- end of cost -->"]:
            self.assertFalse(example.has_cost(text))

    def test_outputs_are_written_where_they_stand(self):
        found = example.parse("routing", CONNECTOR)
        text = example.rewritten(CONNECTOR, found, {"logs/a": {"resourceLogs": [1]}, "logs/b": {"resourceLogs": [2]}})
        again = example.parse("routing", text)
        self.assertEqual(again.outputs, {"logs/a": {"resourceLogs": [1]}, "logs/b": {"resourceLogs": [2]}})
        self.assertEqual(again.sent, found.sent)
        self.assertEqual(text.split("```")[::2], CONNECTOR.split("```")[::2])


class Layout(unittest.TestCase):
    def test_lines_are_short_and_say_the_same(self):
        attributes = [{"key": f"key.{at}", "value": {"stringValue": "v" * at}} for at in range(40)]
        for of in [
            {},
            {"a": []},
            {"spans": [{"name": "a", "attributes": attributes, "status": {"code": 2}}]},
            {"spans": [{"name": "a" * 60, "attributes": attributes[:2], "events": [{"attributes": attributes[:3]}]}] * 2},
        ]:
            text = layout.laid_out(of)
            self.assertEqual(json.loads(text), of)
            self.assertLessEqual(max(map(len, text.splitlines())), layout.WIDTH + 10)
        self.assertEqual(layout.laid_out({"a": [1, {"b": 2}]}), '{"a": [1, {"b": 2}]}')

    def test_equal_groups_of_requests_are_one(self):
        found = layout.merged([groups("a", "1"), groups("b", "2"), groups("a", "3")])
        self.assertEqual(found, {"resourceSpans": groups("a", "1", "3")["resourceSpans"] + groups("b", "2")["resourceSpans"]})
        self.assertEqual(layout.merged([]), {})

    def test_what_says_nothing_is_left_out(self):
        of = {"name": "", "kind": 0, "status": {"code": 0}, "asInt": "0", "value": {"stringValue": ""}, "timeUnixNano": "1", "none": None}
        self.assertEqual(layout.cleaned(of, ("timeUnixNano",)), {"asInt": "0", "value": {"stringValue": ""}})
        self.assertEqual(layout.cleaned({"bucketCounts": ["0", "1"], "isMonotonic": False}), {"bucketCounts": ["0", "1"]})


if __name__ == "__main__":
    unittest.main()
