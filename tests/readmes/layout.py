"""OTLP as JSON for readers: what fits into a line is one, and what says nothing is left out."""

import json

WIDTH = 130
# What the groups of a request have in them.
INNER = ("scopeSpans", "scopeLogs", "scopeMetrics", "spans", "logRecords", "metrics")
# What the host makes anew at each run.
TIMES = ("startTimeUnixNano", "timeUnixNano", "observedTimeUnixNano")


def laid_out(value, margin="", used=0):
    """JSON in lines of WIDTH; `used` is what stands in the first line already."""
    line = json.dumps(value, ensure_ascii=False)
    if len(margin) + used + len(line) <= WIDTH or not value or not isinstance(value, (dict, list)):
        return line
    if isinstance(value, dict):
        return "{" + filled([(json.dumps(key) + ": ", of) for key, of in value.items()], margin, used) + "}"
    # A list of one thing opens and closes with it.
    if len(value) == 1:
        return "[" + laid_out(value[0], margin, used + 1) + "]"
    return "[\n" + ",\n".join(margin + "  " + laid_out(of, margin + "  ") for of in value) + "]"


def filled(parts, margin, used):
    """The members of an object, as many in a line as there is room for."""
    out, column = "", len(margin) + used + 1
    for at, (key, of) in enumerate(parts):
        comma = "," if at + 1 < len(parts) else ""
        line = key + json.dumps(of, ensure_ascii=False) + comma
        if at and column + 1 + len(line) > WIDTH - 2:
            out, column = out + "\n" + margin + " ", len(margin) + 1
        elif at:
            out, column = out + " ", column + 1
        text = key + laid_out(of, margin + "  ", column - len(margin) + len(key)) + comma
        out += text
        column = len(text.rsplit("\n", 1)[-1]) if "\n" in text else column + len(text)
    return out


def merged(requests):
    """Some requests as one."""
    keys = dict.fromkeys(key for request in requests for key in request)
    return {key: joined([group for request in requests for group in request.get(key, [])]) for key in keys}


def joined(groups):
    """Groups of equal resources, and in them of equal scopes, as one each."""
    found = {}
    for group in groups:
        inner = next(key for key in INNER if key in group)
        head = {key: of for key, of in group.items() if key != inner}
        found.setdefault((json.dumps(head), inner), []).extend(group[inner])
    return [json.loads(head) | {inner: joined(of) if inner.startswith("scope") else of} for (head, inner), of in found.items()]


def cleaned(value, without=()):
    """Without fields that are empty or zero, which proto3 takes for not there, and without some others."""
    if isinstance(value, list):
        return [cleaned(of, without) for of in value]
    if not isinstance(value, dict):
        return value
    keeps = lambda key: key in ("asInt", "asDouble") or key.endswith("Value")
    members = {key: cleaned(of, without) for key, of in value.items() if key not in without}
    return {key: of for key, of in members.items() if keeps(key) or of not in ("", "0", 0, None, [], {})}
