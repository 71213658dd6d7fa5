"""The two programs: the Collector and Spanmill, each run with the manifest of a batch of cases."""

import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import case as cases
import inputs
import manifest
import normal

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 120


class Failure(Exception):
    """A program did not do what every case needs."""


class NotStarted(Failure):
    """A program ended before it listened."""


class Early(Exception):
    """A program was told to end before it could be told so: the Collector listens first, and looks for signals then."""


class Ports:
    """Ports below those that the system gives to clients, each handed out once."""

    def __init__(self):
        self.next, self.lock = random.SystemRandom().randrange(12_000, 28_000), threading.Lock()

    def take(self):
        with self.lock:
            for _ in range(5_000):
                self.next = 12_000 + (self.next - 11_999) % 18_000
                with socket.socket() as probe:
                    try:
                        probe.bind(("127.0.0.1", self.next))
                        return self.next
                    except OSError:
                        continue
        raise Failure("no port is free")


PORTS = Ports()


class Program:
    """How a program is called, and what it says of manifests."""

    def __init__(self, path, is_ours):
        self.path, self.is_ours = str(Path(path).resolve()), is_ours
        # What it says of the cases that it refuses.
        self.refusals = {}

    def warm(self):
        """Has the plugins beside the binary compiled, one after the other, so that no case waits for it."""
        for plugin in sorted((Path(self.path).parent / "plugins").glob("*.wasm")):
            subprocess.run([self.path, "inspect", str(plugin)], capture_output=True, check=True, env=self.environment([]))

    def command(self, verb, config):
        if self.is_ours:
            return [self.path, verb, "--config", str(config)] + (["--admin", "off", "--no-watch"] if verb == "run" else [])
        return [self.path, *(["validate"] if verb == "validate" else []), "--config", str(config), f"--feature-gates={cases.LAMBDAS},{cases.OTELCOL}"]

    def environment(self, batch):
        out = {name: of for name, of in os.environ.items() if not name.startswith("OTEL_")}
        out.setdefault("SPANMILL_CACHE", str(ROOT / "target/tmp/plugin-cache"))
        return out | dict(batch[0].env if batch else ())

    def accepted(self, batch, folder):
        """The cases that it accepts, and what it says of the others. It may name only one of several, or panic."""
        refused, rest = {}, list(batch)
        while rest and (said := self.validated(rest, folder)) is not None:
            found = self.named(said, rest)
            if not found:
                alone = {case.id: self.validated([case], folder) for case in rest}
                found = {name: of for name, of in alone.items() if of is not None}
            if not found:
                raise Failure(f"{self.path} refuses the manifest for another reason than its cases:\n{said[:4000]}")
            refused |= found
            rest = [case for case in rest if case.id not in refused]
        return rest, refused

    def validated(self, batch, folder):
        """What it says of a manifest that it refuses, else None."""
        config = folder / "manifest.yaml"
        config.write_text(manifest.text(batch, {name: 0 for name in manifest.ports_wanted(batch)}, folder, self.is_ours))
        done = subprocess.run(
            self.command("validate", config), capture_output=True, text=True, check=False, env=self.environment(batch), cwd=folder
        )
        return None if done.returncode == 0 else re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)

    def named(self, said, batch):
        """The cases in whose names it speaks of mistakes."""
        known, found = {case.id for case in batch}, {}
        lines = said.splitlines() if self.is_ours else re.split(r"^Error: ", said, flags=re.MULTILINE)[-1].splitlines()
        for line in lines:
            if not self.is_ours or re.search(r"\berror\b", line):
                for name in re.findall(r"\b\w+/(c\d+)(?:_\w+)?\b", line):
                    if name in known:
                        found.setdefault(name, line)
        return found

    def run(self, batch):
        """What it makes of each case: None if it refuses it, else the answers and the outputs."""
        with tempfile.TemporaryDirectory(prefix="differential-") as name:
            folder = Path(name)
            accepted, refused = self.accepted(batch, folder)
            out = {name: None for name in refused}
            self.refusals |= refused
            while accepted:
                try:
                    return out | self.sent(accepted, folder)
                except Early:
                    continue
                except NotStarted as end:
                    # Some mistakes show only at the start, which ends with the first.
                    named = [accepted[0].id] if len(accepted) == 1 else list(self.named(str(end), accepted))[:1]
                    if not named:
                        raise
                    out |= {name: None for name in named}
                    accepted = [case for case in accepted if case.id not in named]
            return out

    def sent(self, batch, folder):
        ports = {name: PORTS.take() for name in manifest.ports_wanted(batch)}
        files, config = {}, folder / "manifest.yaml"
        config.write_text(manifest.text(batch, ports, folder, self.is_ours, files))
        log = folder / "log"
        with open(log, "wb") as to:
            process = subprocess.Popen(self.command("run", config), stdout=to, stderr=to, cwd=folder, env=self.environment(batch))
        try:
            for port in ports.values():
                listens(port, process, log)
            answers = {name: self.post(batch, name, port) for name, port in ports.items()}
            self.flushed(batch, files, process, log)
            process.send_signal(signal.SIGTERM)
            ended = process.wait(timeout=DEADLINE)
            if ended == -signal.SIGTERM:
                raise Early
            if ended != 0 and not self.is_ours:
                raise Failure(f"{self.path} ended with {ended}:\n{log.read_text(errors='replace')[-3000:]}")
        finally:
            process.kill()
            process.wait()
            for path in files.values() if process.returncode == -signal.SIGTERM else []:
                path.unlink(missing_ok=True)
        out = {}
        for case in batch:
            outputs = {(kind, name): lines(files[case.id, kind, name]) for kind, name in case.outputs()}
            out[case.id] = (answers[manifest.receiver(case)][case.signal], outputs)
        return out

    def post(self, batch, name, port):
        """Sends what the cases of a receiver are about; gives the answers by signal."""
        some = [case for case in batch if manifest.receiver(case) == name]
        answers = {}
        for kind in sorted({case.signal for case in some}):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
            answers[kind] = []
            for request in inputs.requests(some[0].input, kind):
                connection.putrequest("POST", f"/v1/{kind}")
                body = json.dumps(request).encode()
                for header in (("content-type", "application/json"), ("content-length", str(len(body))), *some[0].headers):
                    connection.putheader(*header)
                connection.endheaders(body)
                response = connection.getresponse()
                said = response.read()
                answers[kind].append(response.status)
                if response.status != 200 and not some[0].alone:
                    raise Failure(f"{self.path} answers {response.status} to {some[0].input}: {said[:1000]}")
            connection.close()
        return answers

    def flushed(self, batch, files, process, log):
        """Waits for what is sent on later: by connectors, which have the same interval, so that one which always sends tells of all; and by
        groupbytrace."""
        for case in batch:
            if case.component == "groupbytrace" and case.waits():
                self.grouped(case, files, process, log)
        sentinels = [case for case in batch if (case.family, case.name) == manifest.SENTINEL]
        if self.is_ours or not sentinels:
            return
        path, until = files[sentinels[0].id, *sentinels[0].outputs()[0]], time.monotonic() + DEADLINE
        seen = len(lines(path))
        while len(lines(path)) < seen + 4:
            if process.poll() is not None or time.monotonic() > until:
                raise Failure(f"{self.path} flushes nothing:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)


    def grouped(self, case, files, process, log):
        path, until = files[case.id, case.signal, ""], time.monotonic() + DEADLINE
        sent = len(normal.items(inputs.requests(case.input, case.signal), case.signal))
        while len(normal.items(lines(path), case.signal)) < sent:
            if process.poll() is not None or time.monotonic() > until:
                raise Failure(f"{self.path} keeps traces:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)


def listens(port, process, log):
    until = time.monotonic() + DEADLINE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise NotStarted(f"it does not listen:\n{log.read_text(errors='replace')[-3000:]}") from None
            time.sleep(0.02)


def lines(path):
    """The requests that a file exporter wrote; the last may not be complete yet."""
    out = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        try:
            out.append(json.loads(line))
        except ValueError:
            break
    return out
