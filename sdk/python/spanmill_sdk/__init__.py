"""Plugins for Spanmill, in Python. README.md shows how to write, test and build one."""

from .batch import AttributeLists, Batch, Texts, Values
from .calls import Level, log
from .columns import ABSENT_INDEX, Numbers, gather
from .connector import (
    Emission,
    ExponentialHistogram,
    Gauge,
    Histogram,
    Instrument,
    MetricStream,
    SeriesNumbers,
    Sum,
    Temporality,
    UpDownSum,
)
from .contract import (
    CellField,
    Contract,
    Counter,
    ListField,
    NarrowField,
    TextField,
    TraceIdField,
    WideField,
    WriteField,
)
from .errors import (
    BadState,
    BatchError,
    ConfigError,
    Problem,
    Problems,
    StateError,
    Unavailable,
    UnknownFormat,
    closest,
)
from .fields import FIELDS, Context, Sharding, Signal
from .guest import about, connector, processor, record_connector, router, state, ticker
from .outcome import Outcome
from .plugin import Connector, Processor, RecordConnector, Router, State, Ticker
from .records import RecordField, Records, RecordStream
from .router import Pipelines, Routes
from .settings import parse_settings, schema
from .ticker import Decisions
from .values import ABSENT, EMPTY, Cell, Kind, Value

__all__ = [
    "ABSENT",
    "ABSENT_INDEX",
    "AttributeLists",
    "BadState",
    "Batch",
    "BatchError",
    "Cell",
    "CellField",
    "ConfigError",
    "Connector",
    "Context",
    "Contract",
    "Counter",
    "Decisions",
    "EMPTY",
    "Emission",
    "ExponentialHistogram",
    "FIELDS",
    "Gauge",
    "Histogram",
    "Instrument",
    "Kind",
    "Level",
    "ListField",
    "MetricStream",
    "NarrowField",
    "Numbers",
    "Outcome",
    "Pipelines",
    "Problem",
    "Problems",
    "Processor",
    "RecordConnector",
    "RecordField",
    "RecordStream",
    "Records",
    "Router",
    "Routes",
    "SeriesNumbers",
    "Sharding",
    "Signal",
    "State",
    "StateError",
    "Sum",
    "Temporality",
    "TextField",
    "Texts",
    "Ticker",
    "TraceIdField",
    "Unavailable",
    "UnknownFormat",
    "UpDownSum",
    "Value",
    "Values",
    "WideField",
    "WriteField",
    "about",
    "closest",
    "connector",
    "gather",
    "log",
    "parse_settings",
    "processor",
    "record_connector",
    "router",
    "schema",
    "state",
    "ticker",
]
