"""What the API is sent, JSON (RFC 8259) and queries: read strictly, whatever is wrong is a 4xx."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Request, request
from flask_smorest import Blueprint
from marshmallow import RAISE
from webargs.flaskparser import FlaskParser, abort, is_json_request
from werkzeug.exceptions import UnsupportedMediaType

from service.domain.errors import InvalidInputError
from service.domain.strict_json import read_json
from service.domain.text import MAX_DEPTH, check_json, check_text

_View = TypeVar("_View", bound=Callable[..., Any])


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
            text = req.get_data(cache=True).decode()
            body = read_json(text)
        except ValueError as error:
            # Syntax, encoding, NaN, a number without bounds, or nested without end.
            abort(400, exc=error, messages={"json": ["Invalid JSON body."]})
        # Most bodies need no look: only an escape writes such text (RFC 8259, section 7).
        if "\\u" in text or text.count("{") + text.count("[") > MAX_DEPTH:
            _check(body)
        return body


def _check(body: Any) -> None:
    """Refuse (422) a body with a field that cannot be kept, or is nested too deep."""
    items = body.items() if isinstance(body, dict) else [("_schema", body)]
    for name, value in items:
        try:
            check_text(name, name)
            check_json(name, value)
        except InvalidInputError as error:
            abort(422, messages={"json": {name: [str(error)]}})


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
