"""The glue between plugins and the component model: one class for each interface that a plugin exports."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from typing import Any, TypeVar

from . import wire
from .batch import Batch
from .connector import Emission
from .contract import Contract
from .errors import BadState, BatchError, ConfigError, NotConfigured, StateError, Unavailable, UnknownFormat
from .fields import Signal
from .outcome import Outcome
from .plugin import Connector, Processor, RecordConnector, Router, State, Ticker
from .records import Records, RecordStream
from .router import Pipelines, Routes
from .settings import parse_settings, schema
from .ticker import Decisions

T = TypeVar("T")


def _configured(call: Callable[[], T]) -> T:
    """Calls `configure`, and turns what it raises into the contract's error."""
    # What has been imported stays for good, so no collection needs to look at it.
    gc.freeze()
    try:
        return call()
    except ConfigError as error:
        raise wire.err("ConfigError_Settings", error.problems) from None
    except Unavailable as error:
        raise wire.err("ConfigError_Unavailable", str(error)) from None


def _processed(call: Callable[[], T]) -> T:
    """Calls `process`, and turns what it raises into the contract's error."""
    try:
        return call()
    except BatchError as error:
        raise wire.err("PluginError_Batch", str(error)) from None
    except StateError as error:
        raise wire.err("PluginError_State", str(error)) from None
    except NotConfigured:
        raise wire.err("PluginError_NotConfigured") from None


def _declared(contract: Contract) -> wire.Contract:
    return wire.Contract(contract.signals, contract.reads, contract.writes, contract.sharding)


class _Instance:
    """The one plugin of an instance, whichever role it is in."""

    plugin: Any = None
    stream: Any = None

    @classmethod
    def get(cls) -> Any:
        if cls.plugin is None:
            raise NotConfigured
        return cls.plugin


def processor(kind: type[Processor]) -> type[Any]:
    """What a plugin's file exports as `Processor`."""

    class Export:
        def configure(self, settings: str) -> wire.Contract:
            def call() -> wire.Contract:
                contract = Contract()
                _Instance.plugin = kind.configure(parse_settings(kind.settings, settings), contract)
                return _declared(contract)

            return _configured(call)

        def process(self, batch: Any) -> wire.Outcome:
            def call() -> wire.Outcome:
                plugin = _Instance.get()
                seen = Batch(batch)
                outcome = Outcome(seen)
                plugin.process(seen, outcome)
                return outcome.wire()

            return _processed(call)

    return Export


def connector(kind: type[Connector]) -> type[Any]:
    """What a plugin's file exports as `Connector`."""

    class Export:
        def configure(self, settings: str) -> wire.ConnectorContract:
            def call() -> wire.ConnectorContract:
                contract = Contract()
                _Instance.plugin, stream = kind.configure(parse_settings(kind.settings, settings), contract)
                return wire.ConnectorContract(_declared(contract), stream.wire())

            return _configured(call)

        def process(self, batch: Any) -> wire.Emission:
            def call() -> wire.Emission:
                plugin = _Instance.get()
                seen = Batch(batch)
                emission = Emission(seen)
                plugin.process(seen, emission)
                return emission.wire()

            return _processed(call)

    return Export


def record_connector(kind: type[RecordConnector]) -> type[Any]:
    """What a plugin's file exports as `RecordConnector`."""

    class Export:
        def configure(self, settings: str) -> wire.RecordContract:
            def call() -> wire.RecordContract:
                contract = Contract()
                plugin, stream = kind.configure(parse_settings(kind.settings, settings), contract)
                _Instance.plugin, _Instance.stream = plugin, stream
                return wire.RecordContract(_declared(contract), stream.wire())

            return _configured(call)

        def process(self, batch: Any) -> wire.Records:
            def call() -> wire.Records:
                plugin, stream = _Instance.get(), _Instance.stream
                assert isinstance(stream, RecordStream)
                seen = Batch(batch)
                records = Records(seen, stream)
                plugin.process(seen, records)
                return records.wire()

            return _processed(call)

    return Export


def router(kind: type[Router]) -> type[Any]:
    """What a plugin's file exports as `Router`."""

    class Export:
        def configure(self, settings: str, signal: Any, pipelines: list[str]) -> wire.Contract:
            def call() -> wire.Contract:
                contract = Contract(Signal(signal.value))
                known = Pipelines(Signal(signal.value), pipelines)
                _Instance.plugin = kind.configure(parse_settings(kind.settings, settings), known, contract)
                return _declared(contract)

            return _configured(call)

        def process(self, batch: Any) -> wire.Routes:
            def call() -> wire.Routes:
                plugin = _Instance.get()
                seen = Batch(batch)
                routes = Routes(seen)
                plugin.process(seen, routes)
                return routes.wire()

            return _processed(call)

    return Export


def state(kind: type[State]) -> type[Any]:
    """What a plugin's file exports as `State`."""

    class Export:
        def snapshot(self) -> wire.SavedState:
            plugin = _Instance.plugin
            return wire.SavedState(kind.FORMAT, plugin.snapshot() if isinstance(plugin, State) else b"")

        def restore(self, saved: Any) -> None:
            if _Instance.plugin is None:
                raise wire.err("RestoreError_Data", "not configured")
            if not isinstance(_Instance.plugin, State):
                # The plugin of another role, which keeps nothing.
                return
            try:
                _Instance.plugin.restore(saved.format, saved.data)
            except UnknownFormat:
                raise wire.err("RestoreError_Format") from None
            except BadState as error:
                raise wire.err("RestoreError_Data", str(error)) from None

    return Export


def ticker(kind: type[Ticker]) -> type[Any]:
    """What a plugin's file exports as `Ticker`."""

    class Export:
        def tick(self, now_unix_nano: int, ending: bool) -> wire.Decisions:
            def call() -> wire.Decisions:
                decisions = Decisions()
                _Instance.get().tick(now_unix_nano, ending, decisions)
                return decisions.wire()

            return _processed(call)

        def review(self, batch: Any) -> None:
            _processed(lambda: _Instance.get().review(Batch(batch)))

    return Export


def about(name: str, version: str, summary: str, settings: type[Any] | None = None) -> type[Any]:
    """What a plugin's file exports as `About`: the JSON Schema is that of the settings' dataclass."""
    text = "" if settings is None else json.dumps(schema(settings))

    class Export:
        def describe(self) -> wire.Description:
            return wire.Description(name, version, summary, text)

    return Export
