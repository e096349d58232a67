from .estimator import LinearSDE as LinearSDE
