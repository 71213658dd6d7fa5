"""The normal form of OTLP: items by label, each a set of lines, so that only what is meant counts.

An item is a span, a log record or a data point, with its resource and scope; their order and how they are grouped do not count.
Neither does the order of attributes. A zero and what is left out are one.
"""

import json

# The texts of times are shorter from here on.
EPOCH = 1_700_000_000_000_000_000
KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
CODES = ["UNSET", "OK", "ERROR"]
DATA = ["sum", "gauge", "histogram", "exponentialHistogram", "summary"]
# The id of the process that counted, which the Collector makes at each start.
PROCESS = "collector.instance.id"


def scalar(text):
    return json.dumps(text, ensure_ascii=False)


def double(value, digits=None):
    value = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}.get(value, value)
    text = format(float(value), f".{digits}g") if digits else repr(float(value))
    return text if any(mark in text for mark in ".einf") else text + ".0"


def value(any_value):
    """A value as a text; none is `empty`."""
    if not any_value:
        return "empty"
    (kind, of), *_ = any_value.items()
    if kind == "stringValue":
        return scalar(of)
    if kind == "intValue":
        return str(int(of))
    if kind == "doubleValue":
        return double(of)
    if kind == "boolValue":
        return "true" if of else "false"
    if kind == "bytesValue":
        return f"bytes({of or ''})"
    if kind == "arrayValue":
        return "[" + ", ".join(value(item) for item in (of or {}).get("values") or []) + "]"
    if kind == "kvlistValue":
        return mapping((of or {}).get("values"))
    return json.dumps(any_value)


def pairs(attributes, without=()):
    return sorted((of.get("key", ""), value(of.get("value"))) for of in attributes or [] if of.get("key") not in without)


def mapping(attributes, without=()):
    return "{" + ", ".join(f"{key}: {of}" for key, of in pairs(attributes, without)) + "}"


def time(nanos):
    nanos = int(nanos or 0)
    return f"T+{nanos - EPOCH}" if nanos >= EPOCH else str(nanos)


def identifier(text):
    text = (text or "").lower()
    return text if text.strip("0") else ""


def short(text):
    return identifier(text).lstrip("0") or "none"


def enum(value, names, prefix):
    if isinstance(value, str):
        return value.removeprefix(prefix)
    value = value or 0
    return names[value] if 0 <= value < len(names) else str(value)


class Item:
    """A span, record or point: its label, its lines, and what it is still called when its attributes change."""

    def __init__(self, label, surroundings, name=None):
        self.label, self.lines, self.name = label, list(surroundings), name or label

    def add(self, name, of):
        if of not in ("", "0", 0, None, "{}"):
            self.lines.append(f"{name} = {of}")

    def attributes(self, attributes, without=(), owner=""):
        self.lines += [f"{owner}attributes[{scalar(key)}] = {of}" for key, of in pairs(attributes, without)]


def surroundings(group, scoped):
    """The lines of a resource and a scope."""
    out = Item("", [])
    resource, scope = group.get("resource") or {}, scoped.get("scope") or {}
    out.attributes(resource.get("attributes"), owner="resource.")
    out.add("resource.dropped", resource.get("droppedAttributesCount"))
    out.add("resource.schema_url", group.get("schemaUrl"))
    out.add("scope", " ".join(part for part in (scope.get("name"), scope.get("version")) if part))
    out.add("scope.attributes", mapping(scope.get("attributes")))
    out.add("scope.schema_url", scoped.get("schemaUrl"))
    return out.lines


def span(of, around):
    item = Item(f"span {short(of.get('spanId'))}", around)
    status = of.get("status") or {}
    item.add("trace_id", identifier(of.get("traceId")))
    item.add("span_id", identifier(of.get("spanId")))
    item.add("parent_span_id", identifier(of.get("parentSpanId")))
    item.add("trace_state", scalar(of["traceState"]) if of.get("traceState") else "")
    item.add("flags", of.get("flags"))
    item.add("name", scalar(of.get("name") or ""))
    item.add("kind", enum(of.get("kind"), KINDS, "SPAN_KIND_"))
    item.add("start", time(of.get("startTimeUnixNano")))
    item.add("end", time(of.get("endTimeUnixNano")))
    item.add("status.code", enum(status.get("code"), CODES, "STATUS_CODE_"))
    item.add("status.message", scalar(status["message"]) if status.get("message") else "")
    for part in ("Attributes", "Events", "Links"):
        item.add(f"dropped_{part.lower()}", of.get(f"dropped{part}Count"))
    item.attributes(of.get("attributes"))
    for at, event in enumerate(of.get("events") or []):
        item.add(f"events[{at}]", f"{scalar(event.get('name') or '')} {time(event.get('timeUnixNano'))} {mapping(event.get('attributes'))}")
    for at, link in enumerate(of.get("links") or []):
        item.add(f"links[{at}]", f"{identifier(link.get('traceId'))} {identifier(link.get('spanId'))} {mapping(link.get('attributes'))}")
    return item


def record(of, around, is_made):
    at = of.get("timeUnixNano") or of.get("observedTimeUnixNano") or 0
    item = Item(f"log {time(at)}", around)
    item.add("time", time(of.get("timeUnixNano")))
    if not is_made:
        item.add("observed", time(of.get("observedTimeUnixNano")))
    item.add("severity", of.get("severityNumber"))
    item.add("severity_text", of.get("severityText"))
    item.add("event_name", of.get("eventName"))
    item.add("flags", of.get("flags"))
    item.add("trace_id", identifier(of.get("traceId")))
    item.add("span_id", identifier(of.get("spanId")))
    item.add("dropped_attributes", of.get("droppedAttributesCount"))
    item.lines.append(f"body = {value(of.get('body'))}")
    item.attributes(of.get("attributes"))
    return item


def buckets(of):
    of = of or {}
    counts = [int(count) for count in of.get("bucketCounts") or []]
    while counts and counts[-1] == 0:
        counts.pop()
    empty = next((at for at, count in enumerate(counts) if count), 0)
    return [int(of.get("offset") or 0) + empty, counts[empty:]] if counts else []


def point_values(of, kind, is_made, keep):
    """What a point says, by name, as values that can be added up."""
    out = {}
    if kind in ("sum", "gauge"):
        if "asInt" in of:
            out["int"] = int(of["asInt"])
        elif "asDouble" in of:
            out["double"] = of["asDouble"]
        return out
    out["count"] = int(of.get("count") or 0)
    out["sum"] = of.get("sum")
    if kind == "histogram":
        out["bounds"] = [float(bound) for bound in of.get("explicitBounds") or []]
        out["counts"] = [int(count) for count in of.get("bucketCounts") or []]
    elif kind == "exponentialHistogram":
        out["scale"], out["zeros"] = of.get("scale") or 0, int(of.get("zeroCount") or 0)
        out["positive"], out["negative"] = buckets(of.get("positive")), buckets(of.get("negative"))
    else:
        out["quantiles"] = [[float(of.get("quantile", 0)), float(of.get("value", 0))] for of in of.get("quantileValues") or []]
    if kind != "summary" and (not is_made or kind != "histogram" or "minmax" in keep):
        out["min"], out["max"] = of.get("min"), of.get("max")
    return out


def exemplars(of):
    found = []
    for one in of.get("exemplars") or []:
        number = double(one["asDouble"]) if "asDouble" in one else str(one.get("asInt", 0))
        found.append(f"{number} {identifier(one.get('traceId'))} {short(one.get('spanId'))} {mapping(one.get('filteredAttributes'))}")
    return sorted(found)


def metrics(request, is_made, keep):
    """The points of a request: the label, the lines that identify, what they say, whether it is a delta."""
    for group in request.get("resourceMetrics") or []:
        for scoped in group.get("scopeMetrics") or []:
            around = surroundings(group, scoped)
            for metric in scoped.get("metrics") or []:
                kind = next((kind for kind in DATA if kind in metric), "")
                data = metric.get(kind) or {}
                temporality = enum(data.get("aggregationTemporality"), ["", "DELTA", "CUMULATIVE"], "AGGREGATION_TEMPORALITY_")
                head = Item("", around)
                for name, of in [
                    ("metric", metric.get("name")),
                    ("description", metric.get("description")),
                    ("unit", metric.get("unit")),
                    ("metadata", mapping(metric.get("metadata"))),
                    ("data", " ".join(part for part in (kind, temporality, "monotonic" if data.get("isMonotonic") else "") if part)),
                ]:
                    head.add(name, of)
                name = metric.get("name") or ""
                if not data.get("dataPoints"):
                    yield f"metric {name}", head.lines, {}, [], False
                for of in data.get("dataPoints") or []:
                    item = Item("", head.lines)
                    if not is_made:
                        item.add("start", time(of.get("startTimeUnixNano")))
                        item.add("time", time(of.get("timeUnixNano")))
                    item.add("flags", of.get("flags"))
                    item.attributes(of.get("attributes"), (PROCESS,))
                    label = f"point {name}{mapping(of.get('attributes'), (PROCESS,))}"
                    yield label, item.lines, point_values(of, kind, is_made, keep), exemplars(of), temporality == "DELTA"


def sum_of(old, new):
    """A delta that is added to another."""
    out = dict(new)
    for name in ("int", "count", "zeros"):
        if name in new:
            out[name] = old.get(name, 0) + new[name]
    for name in ("double", "sum"):
        if new.get(name) is not None and old.get(name) is not None:
            out[name] = float(old[name]) + float(new[name])
    if "counts" in new and len(new["counts"]) == len(old.get("counts", [])):
        out["counts"] = [one + other for one, other in zip(old["counts"], new["counts"])]
    return out


def point_lines(said, is_made):
    for name, of in said.items():
        if isinstance(of, list):
            if of:
                yield f"{name} = {json.dumps(of)}"
        elif name in ("double", "sum", "min", "max"):
            if of is not None:
                yield f"{name} = {double(of, 12 if is_made else None)}"
        elif of or name in ("int", "count"):
            yield f"{name} = {of}"


def points(requests, is_made, keep):
    """Items of data points. Of those that a connector made, the last of a running total counts, and the sum of deltas."""
    found, out = {}, []
    for request in requests:
        for label, lines, said, examples, is_delta in metrics(request, is_made, keep):
            key = json.dumps([label, sorted(lines)]) if is_made else len(found)
            if key in found:
                _, _, old, before = found[key]
                said = sum_of(old, said) if is_delta else said
                examples = sorted(set(before) | set(examples))
            found[key] = (label, lines, said, examples)
    for label, lines, said, examples in found.values():
        item = Item(label, lines, label.partition("{")[0])
        item.lines += point_lines(said, is_made)
        item.lines += [f"exemplar {one}" for one in examples]
        out.append(item)
    return out


def items(requests, signal, is_made=False, keep=()):
    """The items of some requests; those of the same label are numbered."""
    if signal == "metrics":
        found = points(requests, is_made, keep)
    else:
        groups, scopes, rows = ("resourceSpans", "scopeSpans", "spans") if signal == "traces" else ("resourceLogs", "scopeLogs", "logRecords")
        found = []
        for request in requests:
            for group in request.get(groups) or []:
                for scoped in group.get(scopes) or []:
                    around = surroundings(group, scoped)
                    found += [span(of, around) if signal == "traces" else record(of, around, is_made) for of in scoped.get(rows) or []]
    seen = set()
    for item in found:
        item.lines.sort()
    for item in sorted(found, key=lambda item: (item.label, item.lines)):
        label, number = item.label, 2
        while label in seen:
            label, number = f"{item.label} #{number}", number + 1
        seen.add(label)
        item.label = label
    return sorted(found, key=lambda item: item.label)
