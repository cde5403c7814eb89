"""Requests whose body is read whole or not at all.

A body that comes in chunks states no length. werkzeug ends it at the limit and hands out what came
so far as if that were all; here it is as much too long as one that says so (413).
"""

from typing import IO, cast

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.utils import cached_property
from werkzeug.wsgi import LimitedStream


class WholeBodyRequest(Request):
    """Flask's request, with that one difference."""

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body, up to `max_content_length`."""
        limit = self.max_content_length
        is_open = self.content_length is None and "wsgi.input_terminated" in self.environ
        if limit is None or not is_open:
            return super().stream
        return cast(IO[bytes], _WholeStream(self.environ["wsgi.input"], limit, is_max=True))


class _WholeStream(LimitedStream):
    def readall(self) -> bytes:
        """Return all that is left. Raises `RequestEntityTooLarge` where there is more."""
        body = super().readall()
        if self.is_exhausted and self._stream.read(1):
            raise RequestEntityTooLarge
        return body
