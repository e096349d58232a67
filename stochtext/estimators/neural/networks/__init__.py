"""Networks, their units and the linear drift under them."""
