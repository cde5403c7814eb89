"""What a schema says of the fields that it refuses."""

from collections.abc import Iterator, Mapping

from marshmallow import ValidationError


def field_errors(error: ValidationError) -> dict[str, str]:
    """Return one text for each refused field."""
    return {name: " ".join(_texts(found)) for name, found in error.messages_dict.items()}


def _texts(messages: object) -> Iterator[str]:
    """Go through what a schema says, however deep."""
    if isinstance(messages, Mapping):
        for each in messages.values():
            yield from _texts(each)
    elif isinstance(messages, list):
        for each in messages:
            yield from _texts(each)
    else:
        yield str(messages)
