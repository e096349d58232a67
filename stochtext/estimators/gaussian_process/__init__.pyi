from .estimator import GaussianProcessSDE as GaussianProcessSDE
