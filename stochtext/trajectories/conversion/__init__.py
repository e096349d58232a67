"""From flat arrays to frames and files and back. Knows arrays and labels, never the panel class."""
