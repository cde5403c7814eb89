"""Tables and queries for the links in emails: confirm, unsubscribe, undo."""
