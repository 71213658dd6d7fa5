"""The harness itself: python3 -m unittest discover -s tests/differential -p 'test_*.py'"""

import copy
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import case as cases
import golden
import inputs
import manifest
import normal
import reasons
import verdict

FILE = """# A comment.
component: filter
signal: traces
input: shop

= named: it has settings in YAML
@differs user-agent
traces:
  span: ['name == "a"']

* conditions: a line each
@context span
name == "a"
! event-index
kind == 2

* lists: a block each
name == "a"
kind == 2

context: scope
name == "b"
"""


def read(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.txt"
        path.write_text(text)
        return list(cases.read(path))


class Cases(unittest.TestCase):
    def test_files(self):
        named, first, second, both, scope = read(FILE)
        self.assertEqual(named.body, "traces:\n  span: ['name == \"a\"']")
        self.assertEqual([of.differs for of in (named, first, second, both)], ["user-agent", "", "event-index", ""])
        self.assertTrue(named.alone and not first.alone)
        self.assertIn('["name == \\"a\\"", "kind == 2"]', both.body)
        self.assertIn('"context": "scope"', scope.body)
        self.assertNotEqual(first.digest(), second.digest())

    def test_all_have_names_and_reasons(self):
        everything = cases.all_cases()
        self.assertGreaterEqual(len(everything), 400)
        self.assertGreaterEqual(sum(case.family == "tasks" for case in everything), 60)
        self.assertLessEqual({case.differs for case in everything} - {""}, reasons.ALL.keys())

    def test_chains_and_connectors(self):
        text = "component: chain\n\n= two: in a row\nfilter/a:\n  traces: {}\nrouting:\n  default_pipelines: [traces/@rest]\n"
        (chain,) = read(text)
        self.assertEqual(chain.connector(), "routing")
        self.assertEqual(chain.outputs(), [("traces", "rest")])
        chain.id = "c1"
        written = manifest.text([chain], {"c1": 1}, Path("/x"), True)
        self.assertIn("  filter/c1_0:\n    traces: {}\n", written)
        self.assertIn("traces/c1_rest", written)


class NormalForm(unittest.TestCase):
    def lines(self, requests, signal="traces"):
        return [(item.label, item.lines) for item in normal.items(requests, signal)]

    def test_order_and_groups_do_not_count(self):
        (request,) = inputs.requests("shop", "traces")
        other = copy.deepcopy(request)
        other["resourceSpans"].reverse()
        for group in other["resourceSpans"]:
            group["resource"]["attributes"].reverse()
            group["scopeSpans"].reverse()
        apart = [{"resourceSpans": [group]} for group in other["resourceSpans"]]
        self.assertEqual(self.lines([request]), self.lines(apart))

    def test_types_and_values_count(self):
        said = [normal.value(of) for of in ({"intValue": "1"}, {"doubleValue": 1}, {"stringValue": "1"}, {"boolValue": True}, {})]
        self.assertEqual(said, ["1", "1.0", '"1"', "true", "empty"])

    def test_totals(self):
        def sums(value, temporality):
            data = {"aggregationTemporality": temporality, "dataPoints": [{"asInt": str(value)}]}
            return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m", "sum": data}]}]}]}

        for temporality, total in ((1, 5), (2, 3)):
            (item,) = normal.items([sums(2, temporality), sums(3, temporality)], "metrics", True)
            self.assertIn(f"int = {total}", item.lines)


class Goldens(unittest.TestCase):
    def item(self, label, *lines):
        return normal.Item(label, lines)

    def test_changes(self):
        sent = [self.item("a", "name = 1"), self.item("b", "name = 2"), self.item("c", "name = 3")]
        found = [self.item("a", "name = 1"), self.item("b", "name = 4"), self.item("d", "name = 5")]
        told = ["dropped: c", "- name = 2  @ b", "+ name = 4  @ b", "new d: name = 5"]
        self.assertEqual(list(golden.changes(sent, found)), told)
        self.assertEqual(list(golden.changes(sent, [])), ["kept: none"])

    def test_files(self):
        written = {"one": ("0123abcd", ["kept: none"], None), "two [x]": ("89abcdef", ["as sent"], ["refused"])}
        with tempfile.TemporaryDirectory() as folder:
            golden.write("some", written, Path(folder))
            self.assertEqual(golden.read("some", Path(folder)), written)


class Verdicts(unittest.TestCase):
    def test_differences_need_reasons_and_reasons_differences(self):
        named, first, *_ = read(FILE)
        self.assertIsNone(verdict.fault(named, ["a"], ["b"]))
        self.assertIn("no longer applies", verdict.fault(named, ["a"], ["a"]))
        self.assertIsNone(verdict.fault(first, ["a"], ["a"]))
        self.assertIn("for no reason", verdict.fault(first, ["a"], ["b"]))
        first.differs = "nothing"
        self.assertIn("there is no reason", verdict.fault(first, ["a"], ["b"]))

    def test_beside_goldens(self):
        _, first, *_ = read(FILE)
        first.id = "c1"
        for goldens, said in (
            ({first.name: (first.digest(), ["a"], None)}, []),
            ({first.name: (first.digest(), ["b"], None)}, ["not as recorded"]),
            ({first.name: ("00000000", ["a"], None)}, ["there is no golden"]),
            ({first.name: (first.digest(), ["a"], None), "old": ("", [], None)}, ["a golden in some.txt of no case"]),
        ):
            with mock.patch.multiple(golden, read=lambda family: goldens, families=lambda: ["some"]):
                found = [wrong for _, wrong in verdict.beside_goldens([first], [first], {"c1": ["a"]})]
            self.assertEqual(len(found), len(said))
            self.assertTrue(all(text.startswith(start) for text, start in zip(found, said)), found)


if __name__ == "__main__":
    unittest.main()
