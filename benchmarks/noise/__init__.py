"""Statistical quality of the noise: own tests and standard batteries."""
