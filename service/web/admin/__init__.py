"""The administrators' API: one blueprint a resource, every route behind a key."""

from service.web.admin.audit import audit_api
from service.web.admin.exports import exports_api
from service.web.admin.files import files_api
from service.web.admin.keys import keys_api
from service.web.admin.lists import lists_api
from service.web.admin.retention import retention_api
from service.web.admin.stats import stats_api
from service.web.admin.subscribers import subscribers_api
from service.web.admin.suppressions import suppressions_api

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
