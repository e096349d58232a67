"""Pictures of the analyses: tables and panels in, axes out."""
