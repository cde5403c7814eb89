"""What the administrators' API takes and gives (marshmallow)."""

from marshmallow import Schema, fields, validate

from service.domain.access.roles import Role
from service.domain.address import MAX_LENGTH
from service.domain.files.import_row import MAX_NAME_LENGTH
from service.domain.subscription import Status, SuppressionReason
from service.schemas.fields import LOCALE, SLUG, JsonBoolean, Moment, described

MAX_PAGE = 200


class PageSchema(Schema):
    """Which page."""

    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_PAGE))
    cursor = fields.String(
        validate=validate.Length(min=1, max=200), **described("`next_cursor` of the page before.")
    )


class SubscribersQuerySchema(PageSchema):
    """Which subscribers."""

    list = fields.String(**SLUG, **described("Only subscribers of this list."))
    status = fields.Enum(Status, by_value=True)
    q = fields.String(
        validate=validate.Length(min=1, max=200),
        **described("Part of an address, a name or an attribute."),
    )


class SubscriptionSchema(Schema):
    """A subscription as it stands."""

    list = fields.String()
    status = fields.Enum(Status, by_value=True)
    source = fields.String(allow_none=True)
    consent_text_version = fields.String(allow_none=True)
    requested_at = fields.AwareDateTime()
    confirmed_at = fields.AwareDateTime(allow_none=True)
    ended_at = fields.AwareDateTime(allow_none=True)
    ended_reason = fields.String(allow_none=True)


class SubscriberSchema(Schema):
    """A subscriber with their subscriptions."""

    id = fields.UUID()
    email = fields.String(metadata={"format": "email"})
    name = fields.String(allow_none=True)
    locale = fields.String(allow_none=True)
    attributes = fields.Dict(allow_none=True)
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    subscriptions = fields.List(fields.Nested(SubscriptionSchema))


class SubscribersSchema(Schema):
    """A page of subscribers, oldest first."""

    subscribers = fields.List(fields.Nested(SubscriberSchema))
    next_cursor = fields.String(allow_none=True)


class ConsentEventSchema(Schema):
    """An entry of the consent ledger."""

    list = fields.String(allow_none=True)
    kind = fields.String()
    at = fields.AwareDateTime()
    source = fields.String(allow_none=True)
    locale = fields.String(allow_none=True)
    ip = fields.String(allow_none=True)
    text_version = fields.String(allow_none=True)
    detail = fields.String(allow_none=True)


class SubscriberMailSchema(Schema):
    """A mail to the subscriber."""

    id = fields.UUID()
    kind = fields.String()
    status = fields.String()
    created_at = fields.AwareDateTime()
    settled_at = fields.AwareDateTime(allow_none=True)
    attempts = fields.Integer()
    provider = fields.String(allow_none=True)
    last_error = fields.String(allow_none=True)


class SubscriberDetailSchema(SubscriberSchema):
    """A subscriber with what is known of them, oldest first.

    Of consent events and emails the newest 200 of each; `/data` gives all.
    """

    consent_events = fields.List(fields.Nested(ConsentEventSchema))
    mails = fields.List(fields.Nested(SubscriberMailSchema))
    suppressed_for = fields.List(fields.Enum(SuppressionReason, by_value=True))


class PersonEventSchema(Schema):
    """What a provider reported of a mail to the person."""

    provider = fields.String()
    kind = fields.String()
    at = fields.AwareDateTime()
    received_at = fields.AwareDateTime()
    message_id = fields.UUID(allow_none=True)
    detail = fields.String(allow_none=True)


class HeldDataSchema(Schema):
    """A signup of the address that waits for review."""

    id = fields.UUID()
    email = fields.String()
    name = fields.String(allow_none=True)
    locale = fields.String(allow_none=True)
    attributes = fields.Dict(allow_none=True)
    source = fields.String(allow_none=True)
    ip = fields.String(allow_none=True)
    created_at = fields.AwareDateTime()


class PersonDataSchema(SubscriberDetailSchema):
    """All data of one person, for them (GDPR, articles 15 and 20)."""

    mail_events = fields.List(fields.Nested(PersonEventSchema))
    held_signups = fields.List(fields.Nested(HeldDataSchema))


class SubscriberChangesSchema(Schema):
    """What may be corrected; null empties a field."""

    name = fields.String(allow_none=True, validate=validate.Length(max=MAX_NAME_LENGTH))
    locale = fields.String(allow_none=True, validate=LOCALE)
    attributes = fields.Dict(keys=fields.String(), values=fields.Raw(), allow_none=True)


class ListChangesSchema(Schema):
    """What may be set of a mailing list."""

    name = fields.String(validate=validate.Length(min=1, max=200))
    description = fields.String(validate=validate.Length(max=2000))
    controller = fields.String(
        validate=validate.Length(max=500), **described("Who answers for the list.")
    )
    privacy_url = fields.String(validate=validate.Length(max=2000))
    sender = fields.String(
        allow_none=True, validate=validate.Length(max=320), **described("Name <address@domain>.")
    )
    origins = fields.List(
        fields.String(validate=validate.Length(max=300)),
        validate=validate.Length(max=100),
        **described("Sites whose pages may post and frame the form; empty means any."),
    )
    redirect_url = fields.String(allow_none=True, validate=validate.Length(max=2000))
    locale = fields.String(validate=LOCALE)
    is_default = JsonBoolean()


class NewListSchema(ListChangesSchema):
    """A new mailing list."""

    slug = fields.String(required=True, **SLUG)
    name = fields.String(required=True, validate=validate.Length(min=1, max=200))


class ListSchema(NewListSchema):
    """A mailing list."""

    id = fields.UUID(dump_only=True)


class ListsSchema(Schema):
    """Every mailing list, by slug."""

    lists = fields.List(fields.Nested(ListSchema))


class SuppressionsQuerySchema(PageSchema):
    """Which suppressions."""

    email = fields.String(
        validate=validate.Length(min=1, max=MAX_LENGTH), **described("Only this address.")
    )


class NewSuppressionSchema(Schema):
    """An address not to be mailed."""

    email = fields.String(required=True, validate=validate.Length(min=1, max=MAX_LENGTH))
    note = fields.String(allow_none=True, load_default=None, validate=validate.Length(max=500))


class SuppressionSchema(Schema):
    """A suppression. `email` is null once the person is erased."""

    address_hash = fields.String()
    reason = fields.Enum(SuppressionReason, by_value=True)
    email = fields.String(attribute="email_key", allow_none=True)
    note = fields.String(allow_none=True)
    created_at = fields.AwareDateTime()


class SuppressionsSchema(Schema):
    """A page of suppressions."""

    suppressions = fields.List(fields.Nested(SuppressionSchema))
    next_cursor = fields.String(allow_none=True)


class LiftQuerySchema(Schema):
    """Which of an address's suppressions."""

    reason = fields.Enum(SuppressionReason, by_value=True, load_default=SuppressionReason.MANUAL)


class NewKeySchema(Schema):
    """A new API key."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=64))
    role = fields.Enum(Role, by_value=True, required=True)
    lists = fields.List(
        fields.String(**SLUG),
        validate=validate.Length(max=100),
        **described("The lists that it is for; all where there are none. Not for `admin`."),
    )
    expires_at = Moment(**described("When it ends by itself."))


class CreatedKeySchema(NewKeySchema):
    """A new key, shown this once."""

    key = fields.String()


class KeySchema(Schema):
    """A key, without what proves it."""

    id = fields.UUID()
    name = fields.String()
    role = fields.Enum(Role, by_value=True)
    created_at = fields.AwareDateTime()
    last_used_at = fields.AwareDateTime(allow_none=True)
    revoked_at = fields.AwareDateTime(allow_none=True)
    expires_at = fields.AwareDateTime(allow_none=True)
    lists = fields.List(fields.String(), allow_none=True, **described("Null means all."))


class KeysSchema(Schema):
    """Every key, revoked ones too, oldest first."""

    keys = fields.List(fields.Nested(KeySchema))


class RetentionRulesSchema(Schema):
    """After how many days each goes; 0 means never."""

    unconfirmed_days = fields.Integer(**described("People who never confirmed."))
    ended_days = fields.Integer(**described("People who left all their lists."))
    mail_days = fields.Integer(**described("Settled emails."))
    audit_days = fields.Integer(**described("Entries of the audit log."))


class RetentionRunSchema(Schema):
    """A run that removed something."""

    at = fields.AwareDateTime()
    actor = fields.String()
    removed = fields.Dict(keys=fields.String(), values=fields.Integer())


class RetentionSchema(Schema):
    """The rules, and the newest runs that removed something."""

    rules = fields.Nested(RetentionRulesSchema)
    runs = fields.List(fields.Nested(RetentionRunSchema))


class AuditEntrySchema(Schema):
    """What an administrator did."""

    id = fields.UUID()
    at = fields.AwareDateTime()
    actor = fields.String()
    action = fields.String()
    target = fields.String(allow_none=True)
    detail = fields.Dict(allow_none=True)


class AuditSchema(Schema):
    """A page of the audit log, newest first."""

    entries = fields.List(fields.Nested(AuditEntrySchema))
    next_cursor = fields.String(allow_none=True)
