"""The API's contract: openapi.yaml and its page."""
