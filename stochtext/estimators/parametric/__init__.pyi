from .ckls import ckls_tests as ckls_tests
from .estimator import ParametricSDE as ParametricSDE
