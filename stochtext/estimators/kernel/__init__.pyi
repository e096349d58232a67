from .estimator import KernelSDE as KernelSDE
