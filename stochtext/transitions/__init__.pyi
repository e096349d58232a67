from .base import TransitionDensity as TransitionDensity
from .euler import EulerDensity as EulerDensity
from .exact import ExactDensity as ExactDensity
from .gaussian import GaussianDensity as GaussianDensity
from .gaussian import gaussian_log_density as gaussian_log_density
from .registry import DENSITIES as DENSITIES
from .registry import transition_density as transition_density
