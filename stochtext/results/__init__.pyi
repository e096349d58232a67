from .base import SDEResults as SDEResults
from .functional import FunctionalResults as FunctionalResults
from .inference.hypotheses import WaldTest as WaldTest
from .inference.prediction import CurveEstimate as CurveEstimate
from .parametric import ParametricResults as ParametricResults
from .record import FitRecord as FitRecord
from .storage import load as load
