"""What a plugin's README says under `## Example` and `## Cost`.

The first block of YAML is the manifest: a processor, or a connector with `service.pipelines`. Lines NAME=value of a block of sh are the environment.
A block of JSON behind `In:` is sent, one behind `Out:` comes out of the pipeline; where there are several, `Out of` names it.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import layout

ROOT = Path(__file__).resolve().parents[2]
SIGNALS = {"resourceSpans": "traces", "resourceLogs": "logs", "resourceMetrics": "metrics"}
# The figures, which benches/plugins writes.
COST = re.compile(r"(<!-- cost: .*? -->\n)(.*?)(<!-- end of cost -->)", re.DOTALL)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Mistake(Exception):
    """A README without an example that can be run."""


@dataclass
class Example:
    plugin: str
    manifest: str
    # `processors` or `connectors`, and the component's id.
    section: str
    component: str
    env: dict
    sent: list = field(default_factory=list)
    # What is expected of each pipeline.
    outputs: dict = field(default_factory=dict)
    # Where each block of JSON stands in the README, and the pipeline of one that is expected.
    places: list = field(default_factory=list)

    def settings(self):
        """The component's settings, as YAML."""
        lines, inside = [], False
        for line in self.manifest.splitlines():
            if re.match(r"\S", line):
                inside = False
            elif re.match(rf"  {re.escape(self.component)}:", line):
                inside = True
            elif inside and line.startswith("    "):
                lines.append(line[4:])
            elif line.strip() and not line.lstrip().startswith("#"):
                inside = False
        return "\n".join(lines) or "{}"

    def pipelines(self):
        """The pipelines as the README has them, or that of the processor: ids, receivers and exporters."""
        found = re.findall(r"^    ([\w/]+): \{receivers: \[(.*?)\],(?: processors: \[.*?\],)? exporters: \[(.*?)\]\}$", self.manifest, re.MULTILINE)
        return [(name, names(receivers), names(exporters)) for name, receivers, exporters in found]

    def ends(self):
        """The pipelines whose output is looked at: those that feed no connector."""
        return [name for name, _, exporters in self.pipelines() if self.component not in exporters] or [signal(request) for request in self.sent]


def names(text):
    return [name.strip() for name in text.split(",") if name.strip()]


def signal(request):
    known = [SIGNALS[key] for key in request if key in SIGNALS]
    if len(known) != 1 or len(request) != 1:
        raise Mistake(f"a block of JSON is OTLP of one signal: {', '.join(SIGNALS)}")
    return known[0]


def path(plugin):
    return ROOT / "plugins" / plugin / "README.md"


def plugins():
    return sorted(crate.parent.name for crate in (ROOT / "plugins").glob("*/Cargo.toml"))


def has_cost(text):
    found = COST.search(text)
    return bool(found and re.match(r"[\d.]+ ns a ", found[2]))


def section_of(text):
    """Where the section begins and ends."""
    found = re.search(r"^## Example\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise Mistake("there is no section `## Example`")
    return found.span(1)


def parse(plugin, text):
    begin, end = section_of(text)
    blocks = list(BLOCK.finditer(text, begin, end))
    manifest = next((block[2] for block in blocks if block[1] == "yaml"), "")
    component = re.search(rf"^(processors|connectors):\n  ({plugin}(?:/\w+)?):", manifest, re.MULTILINE)
    if not component:
        raise Mistake(f"its first block of YAML has no `processors:` or `connectors:` with {plugin}")
    env = {}
    for block in blocks:
        if block[1] == "sh":
            env |= dict(line.split("=", 1) for line in block[2].splitlines())
    out = Example(plugin, manifest, component[1], component[2], env)
    for before, block in zip([None, *blocks], blocks):
        if block[1] == "json":
            put(out, block, text[before.end() if before else begin : block.start()])
    if missing := [name for name in out.ends() if name not in out.outputs]:
        raise Mistake(f"it does not say what comes out of {', '.join(missing)}")
    if not out.sent:
        raise Mistake("it does not say what goes in")
    return out


def put(example, block, before):
    """A block of JSON, which the words before it tell about."""
    head = re.search(r"^(In|Out|Out of `([\w/]+)`):\s*\Z", before, re.MULTILINE)
    if not head:
        raise Mistake("before a block of JSON stands `In:`, `Out:` or `Out of` a pipeline")
    try:
        of = json.loads(block[2])
    except ValueError as error:
        raise Mistake(f"a block of JSON: {error}") from None
    if head[1] == "In":
        signal(of)
        example.sent.append(of)
        example.places.append((block.span(2), None, of))
        return
    ends = example.ends()
    name = head[2] or (ends[-1] if ends and not example.pipelines() or len(ends) == 1 else None)
    if name not in ends or name in example.outputs:
        raise Mistake(f"before a block of JSON that comes out stands one of the pipelines {', '.join(ends)}, once each")
    example.outputs[name] = of
    example.places.append((block.span(2), name, of))


def rewritten(text, example, outputs):
    """The README with other outputs, laid out as its input is."""
    for (begin, end), name, of in reversed(example.places):
        text = text[:begin] + layout.laid_out(outputs[name] if name else of) + "\n" + text[end:]
    return text
