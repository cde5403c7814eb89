"""Commands for files of subscribers, in and out."""
