"""From what a user holds to checked flat arrays. Knows arrays and labels, never the panel class."""
