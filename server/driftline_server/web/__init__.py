"""The page of reports: read-only, for browsers; what messages link to."""
