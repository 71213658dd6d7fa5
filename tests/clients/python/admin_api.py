"""Holds a running admin API to its document: admin_api.py BASE_URL OPENAPI COMPONENT GOOD_WASM BAD_FILE TRACE_ID, or what the
command line prints: admin_api.py OPENAPI SCHEMA JSON_FILE, for one of the document's schemas or a list of it.

Calls every operation, the ways in which it goes well and those in which it does not, and checks that each status is
documented, that the content type is the documented one, and that the body matches its schema. GOOD_WASM must be a plugin
that the component can be swapped to, BAD_FILE none. Batches must flow all the while, so that probations end, and a span of the
trace TRACE_ID must have.
"""

import http.client
import json
import os
import sys
import time
import urllib.parse
from collections import Counter
from datetime import datetime

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

# Statuses that a server in good health, as this script finds it, does not answer with: they need a wrong token,
# a slow or a large upload, a race, a mistake of the server's, or its end. The crate's own tests have them.
NOT_EXERCISED = {"401", "408", "409", "413", "429", "500", "503"}
# A plugin and a manifest that are fine when they are sent need not be told again that they could not be used.
# Whether telemetry may be looked at is up to the manifest.
NOT_EXERCISED_OF = {("promote", "422"), ("reload", "422"), ("tap", "403")}

DOCUMENT = "urn:spanmill:openapi"
PROBLEM = "application/problem+json"
WASM = "application/wasm"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

formats = FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def is_utc_time(text):
    """RFC 3339 in UTC, which is what the document promises."""
    if isinstance(text, str):
        if not text.endswith("Z"):
            raise ValueError("not UTC")
        datetime.fromisoformat(text)
    return True


class Operation:
    """One method of one path, as documented."""

    def __init__(self, path, method, description):
        self.path = path
        self.method = method.upper()
        self.id = description["operationId"]
        self.responses = description["responses"]

    def target(self, subject, query=None):
        """The path about a component, or about a trace."""
        subject = urllib.parse.quote(subject, safe="")
        path = self.path.replace("{component}", subject).replace("{trace_id}", subject)
        return path + ("?" + urllib.parse.urlencode(query) if query else "")


class Conversation:
    """What was said, and what was wrong with it."""

    def __init__(self, base, document):
        self.address = urllib.parse.urlsplit(base).netloc
        self.document = document
        self.operations = {
            operation.id: operation
            for path, item in document["paths"].items()
            for method, description in item.items()
            if method in METHODS
            for operation in [Operation(path, method, description)]
        }
        resource = Resource(contents=document, specification=DRAFT202012)
        self.registry = Registry().with_resource(DOCUMENT, resource)
        self.seen = Counter()
        self.exchanges = 0
        self.violations = []

    def complain(self, what, message):
        self.violations.append(f"{what}: {message}")

    def send(self, method, target, body=None, content_type=None):
        """One exchange on a connection of its own: status, headers and body."""
        headers = {"Content-Type": content_type} if content_type else {}
        headers["Authorization"] = f"Bearer {os.environ.get('SPANMILL_ADMIN_TOKEN', '')}"
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            connection.request(method, target, body=body, headers=headers)
            response = connection.getresponse()
            self.exchanges += 1
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def call(self, name, component, expected, query=None, body=None, content_type=WASM):
        """Calls an operation, which must answer with one of the expected statuses; returns the body it sent."""
        operation = self.operations.get(name)
        if operation is None:
            self.complain(name, "the document has no such operation")
            return None
        target = operation.target(component, query)
        content_type = content_type if body is not None else None
        status, headers, answer = self.send(
            operation.method, target, body, content_type
        )
        what = f"{name}: {operation.method} {target}: {status}"
        self.seen[name, str(status)] += 1
        if status not in expected:
            text = answer[:300].decode(errors="replace")
            self.complain(what, f"expected {sorted(expected)}, with the body {text}")
        response = operation.responses.get(str(status))
        if response is None:
            self.complain(what, "the status is not documented")
            return None
        return self.check(what, self.resolve(response), status, headers, answer)

    def resolve(self, node):
        """Follows a reference within the document."""
        while "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def check(self, what, response, status, headers, answer):
        """Checks an answer against a documented response; returns its body."""
        for name, header in response.get("headers", {}).items():
            if header.get("required") and name not in headers:
                self.complain(what, f"the header {name} is missing")
        content_type = headers.get_content_type()
        media = response["content"].get(content_type)
        if media is None:
            documented = ", ".join(response["content"])
            self.complain(
                what, f"the content type is {content_type}, not {documented}"
            )
            return None
        if content_type in ("application/yaml", "application/x-ndjson"):
            value = answer.decode()
        else:
            try:
                value = json.loads(answer)
            except ValueError as error:
                self.complain(what, f"the body is no JSON: {error}")
                return None
        self.validate(what, media["schema"], value)
        if content_type == PROBLEM and isinstance(value, dict):
            if value.get("status") != status:
                self.complain(what, f"the body says {value.get('status')}")
            if not value.get("detail"):
                self.complain(what, "the detail is empty")
        return value

    def validate(self, what, schema, value):
        schema = {"$ref": DOCUMENT + schema["$ref"]} if "$ref" in schema else schema
        validator = Draft202012Validator(
            schema, registry=self.registry, format_checker=formats
        )
        for error in validator.iter_errors(value):
            self.complain(what, f"{error.json_path}: {error.message}")

    def outside(self, method, target, expected):
        """A request that no operation is there for."""
        status, headers, answer = self.send(method, target)
        what = f"{method} {target}: {status}"
        if status != expected:
            self.complain(what, f"expected {expected}")
        if status == 405 and not headers.get("Allow"):
            self.complain(what, "the header Allow is missing")
        problem = {
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        }
        self.check(what, problem, status, headers, answer)

    def check_coverage(self):
        """Every operation and every status of it was seen, but for those that cannot be provoked from here."""
        for operation in self.operations.values():
            for status in operation.responses:
                excused = (
                    status in NOT_EXERCISED
                    or (operation.id, status) in NOT_EXERCISED_OF
                )
                if not excused and not self.seen[operation.id, status]:
                    self.complain(operation.id, f"no answer was {status}")


def custom_section(name, content):
    """A section of a component that means nothing, so short that its length is one byte."""
    content = bytes([len(name)]) + name + content
    return bytes([0, len(content)]) + content


def wait_for_probation(talk, component):
    """Asks until the version has passed its probation; returns its status."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        plugin = talk.call("getPlugin", component, {200})
        if plugin is None or plugin["state"] == "running":
            return plugin
        time.sleep(0.05)
    talk.complain("getPlugin", "the probation does not end; do batches flow?")
    return None


def explain(talk, trace_id):
    """What became of a trace, known or not."""
    told = talk.call("getTrace", trace_id.upper(), {200})
    if told and (told["trace_id"] != trace_id or not told["spans"]):
        talk.complain("getTrace", f"is about {told['trace_id']}, with {told['spans']}")
    talk.call("getTrace", "f" * 32, {404})
    for wrong in ("f" * 31, "0" * 32, "mine/a"):
        talk.call("getTrace", wrong, {400})


def succeed(talk, component, good, document_text):
    """Everything that goes well, in an order in which it can."""
    listed = talk.call("listPlugins", component, {200})
    ids = [plugin["component"] for plugin in (listed or {}).get("plugins", [])]
    if component not in ids:
        talk.complain("listPlugins", f"{component} is not among {ids}")
    plugin = talk.call("getPlugin", component, {200})
    if plugin and plugin["component"] != component:
        talk.complain("getPlugin", f"is about {plugin['component']}")
    named = {"name": "a good one.wasm"}
    shadow = talk.call(
        "startShadow", component, {201}, named | {"for": "5m"}, body=good
    )
    if shadow and shadow["source"] != named["name"]:
        talk.complain("startShadow", f"the source is {shadow['source']}")
    talk.call("startShadow", component, {409}, {"for": "5m"}, body=good)
    talk.call("getShadow", component, {200})
    talk.call("endShadow", component, {200})
    # It has ended already: as good.
    talk.call("endShadow", component, {200, 409})
    talk.call("promote", component, {200})
    talk.call("promote", component, {404})
    talk.call("getShadow", component, {404})
    # That version runs now; with a section that says nothing more, it is another one.
    same = talk.call("swap", component, {200}, named, body=good)
    if same and (same["already_running"], same["components"]) != ([component], []):
        talk.complain("swap", f"the version that runs came in its own place: {same}")
    another = good + custom_section(b"note", b"another version")
    swapped = talk.call("swap", component, {200}, named | {"probation": 3}, body=another)
    if swapped and swapped["probation"] != 3:
        talk.complain("swap", f"the probation is {swapped['probation']}")
    passed = wait_for_probation(talk, component)
    if passed and [one["ended"] for one in passed["history"]] != ["swapped"] * 2:
        talk.complain("getPlugin", f"the history is {passed['history']}")
    # A shadow of the version that runs has nothing to do to take its place.
    talk.call("startShadow", component, {201}, body=another)
    talk.call("endShadow", component, {200})
    same = talk.call("promote", component, {200}, {"allow_more": "true"})
    if same and same["already_running"] != [component]:
        talk.complain("promote", f"the version that runs came in its own place: {same}")
    talk.call("promote", component, {400}, {"save": "perhaps"})
    talk.call("reload", component, {200})
    talk.call("getStatus", component, {200})
    talk.call("getOverview", component, {200})
    talk.call("getManifest", component, {200})
    talk.call("listEvents", component, {200})
    shown = talk.call("tap", component, {200}, {"target": component, "limit": 1})
    if shown and "span" not in json.loads(shown):
        talk.complain("tap", f"one span was asked for, and shown was {shown}")
    text = talk.call("getDocument", component, {200})
    if text != document_text:
        talk.complain("getDocument", "is not the document that this is checked against")


def fail(talk, component, good, bad):
    """Everything that must be refused, and what must be said then."""
    nobody = "nobody/\u00fc knows"
    for name in ("getPlugin", "getShadow", "endShadow", "promote"):
        talk.call(name, nobody, {404})
    for name, wrong in (("swap", "probation"), ("startShadow", "for")):
        talk.call(name, nobody, {404}, body=good)
        talk.call(name, component, {422}, {"name": "bad"}, body=bad)
        talk.call(name, component, {415}, body=good, content_type="text/plain")
        talk.call(name, component, {415}, body=good, content_type=None)
        talk.call(name, component, {400}, body=b"")
        for query in ({wrong: "soon"}, {wrong: "-1"}, {"name": ""}, {"nothing": "1"}):
            talk.call(name, component, {400}, query, body=good)
    talk.call("tap", nobody, {404}, {"target": nobody})
    talk.call("tap", component, {400}, {"when": "soon"})
    talk.call("tap", component, {422}, {"filter": "no condition"})
    talk.call("listEvents", component, {200})
    paths = {}
    for operation in talk.operations.values():
        paths.setdefault(operation.target(component), set()).add(operation.method)
    for target, methods in paths.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            talk.outside(method, target, 405)
        # What a tap shows has no end.
        if "GET" in methods and target != "/v1/tap":
            get, head = (talk.send(method, target) for method in ("GET", "HEAD"))
            if head[0] != get[0] or head[2]:
                talk.complain(f"HEAD {target}", f"is {head[0]}, and GET {get[0]}")
    for target in ("/assets", "/v1", "/v1/plugins/", "/v1/nothing", "/v2/plugins"):
        talk.outside("GET", target, 404)


def check_output(document_path, schema, output_path):
    """Checks what is in a file against one of the document's schemas."""
    with open(document_path, encoding="utf-8") as file:
        talk = Conversation("http://nowhere", yaml.safe_load(file))
    with open(output_path, encoding="utf-8") as file:
        value = json.load(file)
    for one in value if isinstance(value, list) else [value]:
        talk.validate(schema, {"$ref": f"#/components/schemas/{schema}"}, one)
    if talk.violations:
        sys.exit("\n".join(talk.violations))


def main():
    if len(sys.argv) == 4:
        check_output(*sys.argv[1:])
        return
    base, document_path, component, good_path, bad_path, trace_id = sys.argv[1:]
    with open(document_path, encoding="utf-8") as file:
        document_text = file.read()
    with open(good_path, "rb") as file:
        good = file.read()
    with open(bad_path, "rb") as file:
        bad = file.read()
    talk = Conversation(base, yaml.safe_load(document_text))
    explain(talk, trace_id)
    succeed(talk, component, good, document_text)
    fail(talk, component, good, bad)
    talk.check_coverage()
    if talk.violations:
        print("\n".join(talk.violations), file=sys.stderr)
        sys.exit(f"{len(talk.violations)} violations in {talk.exchanges} exchanges")
    print(f"ok: {len(talk.operations)} operations, {talk.exchanges} exchanges")


if __name__ == "__main__":
    main()
