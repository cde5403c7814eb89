"""Commands for subscribers, suppressions, retention."""
