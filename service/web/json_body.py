"""What the API is sent, JSON (RFC 8259) and queries: read strictly, whatever is wrong is a 4xx."""

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from flask import Request, request
from flask_smorest import Blueprint
from marshmallow import RAISE, fields
from webargs.flaskparser import FlaskParser, abort, is_json_request
from werkzeug.exceptions import UnsupportedMediaType

_View = TypeVar("_View", bound=Callable[..., Any])


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError("a number is too large")
    return number


def read_json(text: str) -> Any:
    """Return what the text says.

    Raises `ValueError`, also for NaN, numbers beyond a float's range, and nesting without end.
    """
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


class JsonParser(FlaskParser):
    """webargs' parser, without its leniency.

    Another media type is refused, not read as empty. A query parameter that is not known is
    refused, not passed over: `?dry-run=true` must not do what it was meant to try.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION | {"query": RAISE}

    def _raw_load_json(self, req: Request) -> Any:
        if not is_json_request(req):
            raise UnsupportedMediaType
        try:
            return read_json(req.get_data(cache=True).decode())
        except ValueError as error:
            # Syntax, encoding, NaN, a number without bounds, or nested without end.
            abort(400, exc=error, messages={"json": ["Invalid JSON body."]})


class JsonBlueprint(Blueprint):
    """A blueprint of the API whose JSON bodies and queries are read strictly."""

    ARGUMENTS_PARSER = JsonParser()

    def arguments(self, schema: Any, **given: Any) -> Callable[[_View], _View]:
        """Do as flask-smorest does; a view that takes a query says so by `view.takes_query`."""
        decorate = super().arguments(schema, **given)

        def marked(view: _View) -> _View:
            found: _View = decorate(view)
            if given.get("location") == "query":
                found.takes_query = True  # type: ignore[attr-defined]
            return found

        return marked


def refuse_query_of(view: Callable[..., Any]) -> None:
    """Refuse this request (422) if it has a query and the view takes none."""
    if request.args and not getattr(view, "takes_query", False):
        abort(422, messages={"query": {name: ["Unknown field."] for name in request.args}})


class JsonBoolean(fields.Boolean):
    """`true` or `false`, and none of the words and numbers that marshmallow takes for them."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value
