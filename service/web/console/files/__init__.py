"""Admin pages for files of subscribers, in and out."""
