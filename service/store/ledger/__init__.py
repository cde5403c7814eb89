"""Tables and queries for the ledger of consent and its receipts."""
