"""The manifest of several cases: a pipeline for each, in one process."""

import json
import re

import case as cases

# A connector whose output says that all others with its interval have been flushed.
SENTINEL = ("spanmetrics", "defaults")


def indented(text, margin):
    return "\n".join(margin + line for line in text.splitlines())


def ports_wanted(batch):
    """Who needs a receiver: a case that stands alone, or all that share an input."""
    return list(dict.fromkeys(receiver(case) for case in batch))


def receiver(case):
    return case.id if case.alone else f"shared_{case.input}"


def settings(case, name, body, is_ours):
    """A component's settings, with pipelines named as they are in this manifest."""
    body = re.sub(r"\b(traces|logs|metrics)/@(\w+)", rf"\1/{case.id}_\2", body)
    if is_ours and "=>" in body and "feature_gates" not in body:
        if body.startswith("{"):
            body = json.dumps(json.loads(body) | {"feature_gates": [cases.LAMBDAS]})
        else:
            body += f"\nfeature_gates: [{cases.LAMBDAS}]"
    return body


def text(batch, ports, folder, is_ours, paths=None):
    """The manifest, and the files that the outputs are written to."""
    parts = {"receivers": [], "processors": [], "connectors": [], "exporters": []}
    pipelines, files = [], {}
    for name in ports_wanted(batch):
        keeps = ", include_metadata: true" if any(case.headers for case in batch if receiver(case) == name) else ""
        parts["receivers"].append(f"  otlp/{name}: {{protocols: {{http: {{endpoint: '127.0.0.1:{ports[name]}'{keeps}}}}}}}")

    def pipeline(signal, name, receivers, processors, exporters):
        pipelines.append(f"    {signal}/{name}: {json.dumps({'receivers': receivers, 'processors': processors, 'exporters': exporters})}")

    def exporter(case, signal, name):
        path = folder / f"{case.id}_{signal}_{name}.jsonl"
        files[case.id, signal, name] = path
        parts["exporters"].append(f"  file/{case.id}_{signal}_{name}: {{path: '{path}'}}")
        return [f"file/{case.id}_{signal}_{name}"]

    for case in batch:
        processors, connector = [], case.connector()
        components = case.parts()
        for at, (name, body) in enumerate(components):
            is_connector = connector is not None and at == len(components) - 1
            named = f"{name.partition('/')[0]}/{case.id}" + (f"_{at}" if len(components) > 1 else "")
            parts["connectors" if is_connector else "processors"].append(f"  {named}:\n" + indented(settings(case, name, body, is_ours), "    "))
            if is_connector:
                connector = named
            else:
                processors.append(named)
        receivers = [f"otlp/{receiver(case)}"]
        if connector is None:
            pipeline(case.signal, case.id, receivers, processors, exporter(case, case.signal, ""))
            continue
        pipeline(case.signal, case.id, receivers, processors, [connector])
        for signal, name in case.outputs():
            pipeline(signal, f"{case.id}_{name}" if name else f"{case.id}_out", [connector], [], exporter(case, signal, name))
    if paths is not None:
        paths.update(files)
    out = []
    for section, lines in parts.items():
        if lines:
            out += [f"{section}:", *lines]
    out += ["service:", "  telemetry: {metrics: {level: none}}", "  pipelines:", *pipelines]
    return "\n".join(out) + "\n"
