"""What mail APIs call: bounces, complaints and deliveries of the mails that they took."""

from flask import request
from flask_smorest import Blueprint

from service.clock import utc_now
from service.counting import Refusal
from service.domain.errors import EventAuthError
from service.mail.events.request import EventRequest
from service.schemas.delivery import FeedbackSchema
from service.usecases.feedback import FeedbackResult
from service.web.http.context import services
from service.web.http.refusals import note_refusal

MAX_EVENTS_BYTES = 1024 * 1024

hooks = Blueprint("hooks", __name__, url_prefix="/v1", description="Events from mail APIs")


@hooks.post("/events/<provider>")
@hooks.doc(
    requestBody={
        "required": True,
        "description": "In the provider's documented format.",
        "content": {"application/json": {"schema": {"type": ["object", "array"]}}},
    }
)
@hooks.response(200, FeedbackSchema)
@hooks.alt_response(400, description="The body does not have the provider's documented format.")
@hooks.alt_response(401, description="Not authenticated, or no secret is set for this provider.")
@hooks.alt_response(404, description="This provider sends no events.")
@hooks.alt_response(413, description="The body is too large.")
@hooks.alt_response(
    503, description="Unavailable. Nothing was recorded. Try again after `Retry-After`."
)
def report(provider: str) -> FeedbackResult:
    """Receive events of a mail API, authenticated in that API's own way.

    Events may arrive in any order and more than once. Events of emails that are not from this
    service are answered like any other, and counted.
    """
    request.max_content_length = MAX_EVENTS_BYTES
    try:
        return services().feedback.receive(
            provider,
            EventRequest(
                headers={name.lower(): value for name, value in request.headers.items()},
                body=request.get_data(cache=False),
                received_at=utc_now(),
            ),
        )
    except EventAuthError:
        note_refusal(Refusal.SIGNATURE, detail=provider)
        raise
