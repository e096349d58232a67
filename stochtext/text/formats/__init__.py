"""Files as they come: bytes to records. Each format is a file; all of them give records."""
