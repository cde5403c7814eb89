"""Which requests take long: they have threads of their own, so that no other request waits."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask

from service.front.limits import LaneName, LaneOf
from service.web.middleware.public_path import RoutedPath, public_path

_View = TypeVar("_View", bound=Callable[..., Any])


def takes_long(lane: LaneName) -> Callable[[_View], _View]:
    """Mark a view whose body or answer is as long as a list is."""

    def marked(view: _View) -> _View:
        view.lane = lane  # type: ignore[attr-defined]
        return view

    return marked


def lane_of(app: Flask, public_url: str) -> LaneOf:
    """Return what tells the lane of a method and a path: that of the view that is routed to.

    A view that takes long has a path without variables.
    """
    routed = RoutedPath(public_path(public_url), app.url_map)
    lanes: dict[tuple[str, str], LaneName] = {}
    for rule in app.url_map.iter_rules():
        lane = getattr(app.view_functions[rule.endpoint], "lane", None)
        if lane is not None:
            lanes.update(((method, rule.rule), lane) for method in rule.methods or ())

    def found(method: str, path: str) -> LaneName:
        # A slash at the end of a path does not matter to routing.
        return lanes.get((method, routed(path).removesuffix("/")), LaneName.REQUESTS)

    return found


def alive_paths(public_url: str) -> frozenset[str]:
    """Return the paths under which a probe asks whether the process answers."""
    return frozenset({"/healthz", f"{public_path(public_url)}/healthz"})
