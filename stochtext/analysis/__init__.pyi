from .order import OrderControl as OrderControl
from .order import order_control as order_control
