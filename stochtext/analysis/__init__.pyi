from .change_point import change_point as change_point
from .change_point_result import ChangePoint as ChangePoint
from .order import OrderControl as OrderControl
from .order import order_control as order_control
