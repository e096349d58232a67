from .base import Process as Process
from .double_well import DoubleWell as DoubleWell
from .fitted.binned import BinnedProcess as BinnedProcess
from .fitted.extrapolated import ExtrapolatedProcess as ExtrapolatedProcess
from .fitted.network import NetworkProcess as NetworkProcess
from .fitted.smoothed import KernelProcess as KernelProcess
from .linear.ornstein_uhlenbeck import OrnsteinUhlenbeck as OrnsteinUhlenbeck
from .linear.trending_ornstein_uhlenbeck import (
    TrendingOrnsteinUhlenbeck as TrendingOrnsteinUhlenbeck,
)
from .registry import PROCESS_TYPES as PROCESS_TYPES
from .registry import process_from_dict as process_from_dict
from .support import Support as Support
from .written.user_defined import SDE as SDE
