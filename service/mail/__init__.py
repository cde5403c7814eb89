"""Mail out: what a mail says, and the mail APIs that take it. Knows neither tables nor links."""
