"""The adapters, one module a mail API. `service.mail.registry` builds one from its DSN."""
