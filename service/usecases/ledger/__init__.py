"""Use cases for the ledger of consent and its receipts."""
