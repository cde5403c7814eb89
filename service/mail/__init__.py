"""What an email says, and the mail APIs that take it. Knows neither tables nor links."""
