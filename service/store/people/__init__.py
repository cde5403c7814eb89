"""Tables and queries for subscribers, suppressions, retention."""
