"""Fields and checks that several schemas share."""

from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields, validate

from service.domain.languages import LANGUAGE_TAG, NOT_A_TAG
from service.domain.text import in_utc

LOCALE = validate.Regexp(
    rf"^{LANGUAGE_TAG.pattern}$(?!\n)",
    error=NOT_A_TAG,
)
SLUG: dict[str, Any] = {"validate": validate.Length(min=1, max=64)}


def described(text: str) -> dict[str, Any]:
    """Return what gives a field its description in the contract."""
    return {"metadata": {"description": text}}


class JsonBoolean(fields.Boolean):
    """`true` or `false`, and none of the words and numbers that marshmallow takes for them."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Moment(fields.AwareDateTime):
    """A time with its offset, that UTC has a name for; handed on in UTC."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:
        try:
            return in_utc(super()._deserialize(value, *args, **kwargs))
        except ValidationError:
            raise
        except (ValueError, OverflowError):
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from None
