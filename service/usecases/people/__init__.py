"""Use cases for subscribers, suppressions, retention."""
