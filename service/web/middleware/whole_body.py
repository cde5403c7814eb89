"""Requests whose body is read whole or not at all, whichever server hands it on.

werkzeug takes what came for the whole body where a server says that its input ends by itself. Here
fewer bytes than were announced are a broken request (RFC 9112, section 8), and a body without a
length that reaches the limit is as much too long as one that says so (413).
"""

from typing import IO, NoReturn, cast

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.utils import cached_property
from werkzeug.wsgi import LimitedStream

from service.domain.errors import BodyTooSlowError, BrokenBodyError


class WholeBodyRequest(Request):
    """Flask's request, with that one difference."""

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body, up to `max_content_length`.

        Raises `BrokenBodyError` for a length that is none; so does reading where bytes are missing.
        """
        limit, length = self.max_content_length, self._announced()
        if length is not None:
            if limit is not None and length > limit:
                raise RequestEntityTooLarge
            return cast(IO[bytes], _WholeStream(self.environ["wsgi.input"], length))
        if limit is None or "wsgi.input_terminated" not in self.environ:
            return super().stream
        return cast(IO[bytes], _WholeStream(self.environ["wsgi.input"], limit, is_max=True))

    def _announced(self) -> int | None:
        text = self.environ.get("CONTENT_LENGTH")
        is_chunked = bool(self.environ.get("HTTP_TRANSFER_ENCODING"))
        if not text:
            return None
        # Two lengths, or one that is none: where the body ends would be a guess.
        if is_chunked or not (text.isascii() and text.isdigit()):
            raise BrokenBodyError("Send one Content-Length, or chunks without one.")
        return int(text)


class _WholeStream(LimitedStream):
    """Raises `BrokenBodyError` where the body ends before it should."""

    def on_disconnect(self, error: Exception | None = None) -> None:
        """Say that the body broke off. A body without a length may well end here."""
        if error is not None:
            _raise_for(error)
        if not self._limit_is_max:
            raise BrokenBodyError("The body is shorter than Content-Length. Send it again.")

    def readall(self) -> bytes:
        """Return all that is left. Raises `RequestEntityTooLarge` where there is more."""
        body = super().readall()
        if self._limit_is_max and self.is_exhausted and self._has_more():
            raise RequestEntityTooLarge
        return body

    def _has_more(self) -> bool:
        try:
            return bool(self._stream.read(1))
        except (OSError, ValueError) as error:
            _raise_for(error)


def _raise_for(error: Exception) -> NoReturn:
    if isinstance(error, TimeoutError):
        raise BodyTooSlowError("The body arrived too slowly. Send it again.") from None
    raise BrokenBodyError("The body ended too early. Send it again.") from None
