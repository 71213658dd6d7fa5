"""Tests of the plugin, without WebAssembly."""

import pytest
from drop_routes import DropRoutes
from spanmill_sdk import ConfigError
from spanmill_sdk.testing import Kit, Span, traces


def test_spans_of_the_routes_are_dropped_and_others_stay() -> None:
    spans = traces(Span("probe", {"http.route": "/healthz"}), Span("order", {"http.route": "/orders"}), Span("worker"))
    out = Kit(DropRoutes, {"routes": ["/healthz"]}).run(spans)
    assert out.names == ["order", "worker"]


def test_a_route_that_is_no_text_stays() -> None:
    spans = traces(Span("odd", {"http.route": 7}), Span("probe", {"http.route": "/healthz"}))
    assert Kit(DropRoutes, {"routes": ["/healthz", "7"]}).run(spans).names == ["odd"]


def test_every_mistake_in_the_settings_is_told() -> None:
    with pytest.raises(ConfigError) as error:
        Kit(DropRoutes, {"routes": ["/healthz", ""]})
    assert str(error.value) == "/routes/1: must not be empty; take the line out"
    with pytest.raises(ConfigError) as error:
        Kit(DropRoutes, {"route": []})
    assert str(error.value) == "/route: unknown key; did you mean `routes`?; `routes` is missing"
