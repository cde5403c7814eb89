"""Use cases for the links in emails: confirm, unsubscribe, undo."""
