from .estimator import JumpDiffusionSDE as JumpDiffusionSDE
