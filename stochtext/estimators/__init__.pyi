from .base import SDEEstimator as SDEEstimator
from .kernel import KernelSDE as KernelSDE
from .kramers_moyal import KramersMoyalSDE as KramersMoyalSDE
from .linear import LinearSDE as LinearSDE
from .neural import NeuralSDE as NeuralSDE
from .parametric import ParametricSDE as ParametricSDE
