"""Tables and queries for files of subscribers, in and out."""
