from .base import SDEResults as SDEResults
from .functional import FunctionalResults as FunctionalResults
from .hypotheses import WaldTest as WaldTest
from .parametric import ParametricResults as ParametricResults
from .prediction import CurveEstimate as CurveEstimate
from .record import FitRecord as FitRecord
from .storage import load as load
