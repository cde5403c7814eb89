"""Errors of the service in its own words. `web/http/problems.py` gives each its HTTP status."""


class NewsflashError(Exception):
    """Base of every error that this service raises on purpose."""


class AddressError(NewsflashError):
    """The text is no e-mail address (RFC 5321, RFC 6531). The message says why, for a person."""


class UnknownListError(NewsflashError):
    """No mailing list has this slug. `args[0]` is the slug."""


class NotFoundError(NewsflashError):
    """Nothing has this id."""


class ConflictError(NewsflashError):
    """What is asked for stands against what is there already. The message says what."""


class InvalidInputError(NewsflashError):
    """A field's value is not usable. `field` names it, the message says why."""

    def __init__(self, field: str, message: str) -> None:
        """Keep the field's name beside the message."""
        super().__init__(message)
        self.field = field


class SenderError(InvalidInputError):
    """The text is no sender (RFC 5322, mailbox). The message says why and shows the form."""

    def __init__(self, message: str) -> None:
        """The field is called `sender` wherever one is given."""
        super().__init__("sender", message)


class LinkError(NewsflashError):
    """A signed link that cannot be honoured."""


class LinkForgedError(LinkError):
    """The signature does not fit, or the payload is of no version that was ever issued."""


class LinkExpiredError(LinkError):
    """The link was ours and is too old."""


class LinkEndedError(LinkError):
    """The link was ours; its subscription has ended or started again since."""


class WrongCodeError(NewsflashError):
    """The code typed on the status page is not the one in the mail."""


class TooManyTriesError(NewsflashError):
    """Too many wrong codes were typed for this address; only the link in the mail works now."""


class EventAuthError(NewsflashError):
    """A request says that it comes from a mail API and does not prove it. The message says how."""


class EventFormatError(NewsflashError):
    """A mail API's request does not have the form that its documentation describes."""


class WrongKeyError(NewsflashError):
    """The database was used with another key. The message names the setting, and what to do."""


class UnavailableError(NewsflashError):
    """What the answer depends on is out of reach now; the same request may succeed later."""


class IssuerUnavailableError(UnavailableError):
    """The identity provider is out of reach. `args[0]` is a short code."""


class IssuerAnswerError(NewsflashError):
    """The identity provider's answer cannot be trusted or understood. `args[0]` is a short code."""


class SignInBrokenError(NewsflashError):
    """What came back from the identity provider belongs to no sign-in that this browser began."""


class SignInDeclinedError(NewsflashError):
    """The person, or the identity provider, ended the sign-in there."""


class SignInRefusedError(NewsflashError):
    """The account may not come in. `name` is how the account is called, `reason` a word."""

    def __init__(self, name: str, *, reason: str) -> None:
        """Keep the account's name and the reason."""
        super().__init__(reason)
        self.name = name
        self.reason = reason


class IdempotencyKeyError(NewsflashError):
    """The `Idempotency-Key` is not one. The message says why."""


class IdempotencyReusedError(NewsflashError):
    """The `Idempotency-Key` came before with another body."""


class InFlightError(NewsflashError):
    """A request with this `Idempotency-Key` is still being worked on."""


class BrokenBodyError(NewsflashError):
    """A request's body is not whole, or it is not clear where it ends. The message says which."""


class BodyTooSlowError(BrokenBodyError):
    """A request's body did not come in the time that it may take."""
