"""Files in: what columns and words of other tools' files mean here."""
