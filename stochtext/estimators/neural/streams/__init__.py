"""More transitions than memory."""
