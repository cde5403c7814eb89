"""Use cases for files of subscribers, in and out."""
