"""Cases, as the files in cases/ have them.

A file begins with what holds for all of its cases: `component: filter`, `signal: traces`, `input: shop`. Then come cases and tables of
them:

    = name: what it shows                   * conditions: what they are about
    @input orders                           name == "a"
    traces:                                 kind == 2
      span: ['name == "a"']                 ! key-of-a-reason
                                            IsMatch(name, "^GET")

The lines of a case are the component's settings in YAML, or, if the file's component is `chain`, the settings of several by their
names. The lines of a table are settings in short: each a case (`conditions`, `values`), or each block of them (`lists`). `@key value`
stands for one case or for a whole table, `@header name: value` for one case, `! key` marks the line below it, or the list, as different for the reason of that name.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import inputs

HERE = Path(__file__).resolve().parent
CONNECTORS = {
    "count": ["metrics"],
    "exceptions": ["metrics", "logs"],
    "routing": None,
    "servicegraph": ["metrics"],
    "spanmetrics": ["metrics"],
}
STATEMENTS = {"traces": "trace_statements", "logs": "log_statements", "metrics": "metric_statements"}
CONDITIONS = {"traces": "trace_conditions", "logs": "log_conditions", "metrics": "metric_conditions"}
TARGETS = {"traces": "span", "logs": "log", "metrics": "datapoint"}
LAMBDAS = "ottl.functions.enableLambda"
OTELCOL = "ottl.contexts.enableOTelColContext"


@dataclass
class Case:
    family: str
    component: str
    signal: str
    input: str
    name: str = ""
    shows: str = ""
    body: str = ""
    # The name of the reason for which the Collector and Spanmill differ.
    differs: str = ""
    # It has a receiver of its own, so that what the sender is answered counts.
    alone: bool = True
    generated: bool = False
    # What the normal form else leaves out.
    keep: tuple = ()
    env: tuple = ()
    # Sent with the telemetry, to a receiver that keeps them.
    headers: tuple = ()
    context: str = ""
    id: str = field(default="", compare=False)

    def parts(self):
        """The components and their settings, in order."""
        if self.component != "chain":
            return [(self.component, self.body)]
        found = []
        for line in self.body.splitlines():
            if top := re.fullmatch(r"([\w/]+):(.*)", line):
                found.append((top[1], [top[2].strip()] if top[2].strip() else []))
            elif found:
                found[-1][1].append(line)
        return [(name, dedented(lines)) for name, lines in found]

    def connector(self):
        """The connector at the end, if there is one."""
        last = self.parts()[-1][0].partition("/")[0]
        return last if last in CONNECTORS else None

    def waits(self):
        """Whether traces go on once they have waited, and not only at the end."""
        return "wait_duration: 1h" not in self.body

    def outputs(self):
        """The pipelines whose telemetry counts: the signal, and the name that the case gives them."""
        connector = self.connector()
        if connector is None:
            return [(self.signal, "")]
        if CONNECTORS[connector] is not None:
            return [(signal, "") for signal in CONNECTORS[connector]]
        return sorted(set(re.findall(r"\b(traces|logs|metrics)/@(\w+)", self.body)))

    def reported(self):
        """The component under whose name the table counts it."""
        return self.parts()[0][0].partition("/")[0] if self.family == "tasks" or self.component == "chain" else self.component

    def digest(self):
        """What tells a golden that it is of another case."""
        told = [self.component, self.signal, self.body, self.keep, self.env, inputs.text(self.input, self.signal)]
        told += [self.headers] if self.headers else []
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:8]


def dedented(lines):
    lines = [line for line in lines if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    return "\n".join(line[margin:] for line in lines)


def settings_of(kind, case, lines):
    """The settings that a table's line or list stands for."""
    if case.component == "transform":
        if kind == "values":
            lines = [f'set({TARGETS[case.signal]}.attributes["r"], {lines[0]})']
        groups = [{"context": case.context, "statements": lines}] if case.context else lines
        settings = {STATEMENTS[case.signal]: groups, "error_mode": "silent"}
    elif case.component == "filter":
        groups = [{"context": case.context, "conditions": lines}] if case.context else lines
        settings = {CONDITIONS[case.signal]: groups, "error_mode": "silent"}
    else:
        settings = json.loads("\n".join(lines))
        # Both decide when they are stopped.
        settings = {"decision_wait": "120s", "num_traces": 10_000, "policies": settings} if case.component == "tail_sampling" else settings
    return json.dumps(settings)


def told(case, line):
    """The case with what an `@key value` line says of it."""
    key, _, value = line[1:].partition(" ")
    if key in ("signal", "input", "component", "differs", "context"):
        return replace(case, **{key: value.strip()})
    if key == "keep":
        return replace(case, keep=tuple(value.split()))
    if key == "env":
        name, _, text = value.partition("=")
        return replace(case, env=(*case.env, (name, text)))
    if key == "header" and case.alone:
        name, _, text = value.partition(": ")
        return replace(case, headers=(*case.headers, (name, text)))
    raise ValueError(f"{case.family}: {line}: no such key")


def read(path):
    """The cases of a file."""
    head, blocks = {}, []
    for line in path.read_text().splitlines():
        if line.startswith(("= ", "* ")):
            blocks.append((line[0], line[2:], []))
        elif blocks:
            blocks[-1][2].append(line)
        elif line.strip() and not line.startswith("#"):
            key, _, value = line.partition(":")
            head[key.strip()] = value.strip()
    base = Case(path.stem, head.get("component", path.stem), head.get("signal", "traces"), head.get("input", "shop"))
    if head.get("generated") == "yes":
        base = replace(base, generated=True)
    for mark, title, lines in blocks:
        if mark == "=":
            yield written(base, title, lines)
        else:
            yield from table(base, title, lines)


def written(base, title, lines):
    name, _, shows = title.partition(": ")
    case = replace(base, name=name, shows=shows)
    while lines and lines[0].startswith("@"):
        case = told(case, lines.pop(0))
    return replace(case, body=dedented(lines))


def table(base, title, lines):
    kind, _, shows = title.partition(": ")
    base = replace(base, shows=shows, alone=False)
    block, differs, own = [], "", base

    def made():
        text = " ;; ".join(block)
        at = f"[{own.context}] " if own.context else ""
        body = settings_of(kind, own, list(block))
        return replace(own, name=f"{base.signal}: {at}{text}" if kind != "settings" else text, body=body, differs=differs)

    for line in [*lines, ""]:
        if line.startswith("@") and not block:
            base = own = told(base, line)
        elif line.startswith("! "):
            differs = line[2:].strip()
        elif line.startswith("context: "):
            own = replace(base, context=line.removeprefix("context: "))
        elif line.strip():
            block.append(line)
        if block and (kind != "lists" or not line.strip()):
            yield made()
            block, differs, own = [], "", base


def all_cases(folder=HERE / "cases"):
    """Every case, each with an id that no other has."""
    cases, seen = [], set()
    for path in sorted(folder.glob("*.txt")):
        for case in read(path):
            key = (case.family, case.name)
            if key in seen:
                raise ValueError(f"{path.name}: {case.name}: there are two of that name")
            seen.add(key)
            cases.append(replace(case, id=f"c{len(cases)}"))
    return cases
