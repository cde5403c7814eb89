"""Requests out of the bytes of a connection: whole ones, and uploads whose body is still coming."""

from enum import Enum, auto
from http import HTTPStatus
from typing import cast

from service.front.head import Environ, HeadError, Request
from service.front.limits import LaneName, LaneOf, Limits
from service.front.upload import Upload

MAX_RAW_TO_BODY = 16
"""How many times longer than `body_bytes` a chunked body may be with the lines between chunks."""
MANY_PARTS = 64


class Stage(Enum):
    """How far the next request has come."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()
    READY = auto()
    """`next` has returned it. What comes now is an upload's body, or a later request."""


class Reader:
    """Reads one request after the other. Nothing here waits."""

    def __init__(self, limits: Limits, lane_of: LaneOf) -> None:
        """Begin with nothing."""
        self.base: Environ = {}
        """What every request's environment begins with."""
        self.stage = Stage.NOTHING
        self.upload: Upload | None = None
        """The body of the request that `next` has returned, where it is handed on as it comes."""
        self._limits = limits
        self._lane_of = lane_of
        self._buffer = bytearray()
        self._searched = 0
        self._raw_bytes = 0
        self._request: Request | None = None
        self._left: int | None = 0

    @property
    def ahead_bytes(self) -> int:
        """How much has come that nobody has asked for yet."""
        return len(self._buffer)

    @property
    def has_read_all(self) -> bool:
        """Whether the body of the request that was returned has come to its end."""
        request = cast(Request, self._request)
        if self.upload is not None:
            return self.upload.is_whole
        if request.length is None:
            return request.is_whole
        return request.length <= self._limits.body_bytes

    def take_continue(self) -> bool:
        """Tell whether the client waits for `100 Continue` before its body; true only once."""
        request = self._request
        if request is None or not request.expects_continue:
            return False
        request.expects_continue = False
        return not self._buffer

    def add(self, data: bytes) -> None:
        """Take what came."""
        self._buffer += data

    def clear(self) -> None:
        """Forget what came."""
        self._buffer.clear()

    def next(self) -> Request | None:
        """Return a request once the app can be given it, None before. Raises `HeadError`.

        A body longer than the limit is left out where it is announced, and cut off one byte after
        the limit where it comes in chunks: the app, whose own limits are lower, answers 413.
        """
        if self.stage in (Stage.NOTHING, Stage.HEAD):
            self._read_head()
        if self.stage is Stage.BODY:
            self._collect()
        return self._request if self.stage is Stage.READY else None

    def begin_upload(self, upload: Upload) -> None:
        """Hand on the body of the request that was returned, as it comes."""
        self.upload = upload
        self._left = cast(Request, self._request).length

    def feed_upload(self) -> bool:
        """Hand on what came of an upload's body; return whether that is enough for now."""
        upload, request = cast(Upload, self.upload), cast(Request, self._request)
        size = len(self._buffer) if self._left is None else min(len(self._buffer), self._left)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        if self._left is None:
            try:
                request.feed(data)
            except HeadError:
                upload.break_off()
                return False
            data = b"".join(request.parts)
            request.parts.clear()
        else:
            self._left -= size
        is_enough = bool(data) and upload.feed(data)
        if self._left == 0 or (self._left is None and request.is_whole):
            upload.end()
            return False
        return is_enough

    def finish(self) -> bool:
        """Be done with the request that was returned; false where another one cannot follow."""
        can_go_on = self.has_read_all and not cast(Request, self._request).runs_over
        self._request, self.upload, self.stage = None, None, Stage.NOTHING
        return can_go_on

    def _read_head(self) -> None:
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):  # RFC 9112, section 2.2
            del buffer[:2]
        if not buffer:
            return
        self.stage = Stage.HEAD
        end = buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        if (end if end >= 0 else len(buffer)) > self._limits.head_bytes:
            raise HeadError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if end < 0:
            self._searched = len(buffer)
            return
        self._searched = 0
        head = bytes(buffer[: end + 4])
        del buffer[: end + 4]
        request = self._request = Request(head, self.base)
        self._raw_bytes = 0
        self.stage = Stage.BODY
        is_too_long = request.length is not None and request.length > self._limits.body_bytes
        request.lane = self._lane_of(request.method, request.path)
        is_upload = request.lane is LaneName.IMPORTS
        if request.length == 0 or is_too_long or is_upload:
            request.is_upload = is_upload and request.length != 0
            self.stage = Stage.READY

    def _collect(self) -> None:
        request, buffer = cast(Request, self._request), self._buffer
        if request.length is not None:
            if len(buffer) >= request.length:
                request.body = bytes(buffer[: request.length])
                del buffer[: request.length]
                self.stage = Stage.READY
            return
        if not buffer:
            return
        limit = self._limits.body_bytes
        self._raw_bytes += len(buffer)
        request.feed(bytes(buffer))
        buffer.clear()
        if len(request.parts) > MANY_PARTS:
            request.parts[:] = [b"".join(request.parts)]
        if request.is_whole or sum(map(len, request.parts)) > limit:
            request.body = b"".join(request.parts)[: limit + 1]
            self.stage = Stage.READY
        elif self._raw_bytes > MAX_RAW_TO_BODY * limit:
            raise HeadError(HTTPStatus.BAD_REQUEST)
