"""What the public API takes and gives (marshmallow)."""

from marshmallow import Schema, fields, validate

from service.domain.address import MAX_LENGTH
from service.domain.subscription import MAX_LISTS
from service.schemas.fields import LOCALE


class SignupSchema(Schema):
    """A signup. `website` is a trap for bots: people never see it, so it stays empty."""

    email = fields.String(
        required=True,
        validate=validate.Length(min=1, max=MAX_LENGTH),
        metadata={"description": "The address, as the person typed it.", "format": "email"},
    )
    lists = fields.List(
        fields.String(validate=validate.Length(min=1, max=64)),
        validate=validate.Length(min=1, max=MAX_LISTS),
        metadata={"description": "Slugs of mailing lists; the default list where left out."},
    )
    locale = fields.String(
        validate=LOCALE,
        metadata={"description": "Language of the mails, a BCP 47 tag."},
    )
    name = fields.String(validate=validate.Length(max=200))
    attributes = fields.Dict(
        keys=fields.String(validate=validate.Length(min=1, max=64)),
        values=fields.Raw(),
        validate=validate.Length(max=50),
        metadata={"description": "What else the site knows: at most 50 names, 10 kB together."},
    )
    source = fields.String(
        validate=validate.Length(max=500),
        metadata={"description": "The form or page of the signup, kept as evidence."},
    )
    website = fields.String(
        validate=validate.Length(max=500),
        metadata={"description": "Leave empty: a filled one marks a bot."},
    )


class SignupAcceptedSchema(Schema):
    """The answer to every valid signup, whatever was there before."""

    status = fields.String(validate=validate.Equal("pending"))
    status_url = fields.String(metadata={"format": "uri"})
