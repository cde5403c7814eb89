"""The administrators' API: one blueprint a resource, every route behind a key."""

from service.web.api.audit import audit_api
from service.web.api.exports import exports_api
from service.web.api.files import files_api
from service.web.api.keys import keys_api
from service.web.api.lists import lists_api
from service.web.api.retention import retention_api
from service.web.api.stats import stats_api
from service.web.api.subscribers import subscribers_api
from service.web.api.suppressions import suppressions_api

ADMIN_BLUEPRINTS = (
    subscribers_api,
    files_api,
    exports_api,
    retention_api,
    lists_api,
    suppressions_api,
    keys_api,
    audit_api,
    stats_api,
)
