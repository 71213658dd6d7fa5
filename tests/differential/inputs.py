"""The telemetry that cases are run over, by name: files of OTLP JSON in inputs/, by signal."""

import functools
import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARTS = {"traces": "resourceSpans", "logs": "resourceLogs", "metrics": "resourceMetrics"}


@functools.cache
def _file(name):
    return json.loads((HERE / "inputs" / f"{name}.json").read_text())


def requests(name, signal):
    """The requests that are sent, one after the other."""
    found = _file(name)[signal]
    return found if isinstance(found, list) else [found]


@functools.cache
def text(name, signal):
    return json.dumps(requests(name, signal))
