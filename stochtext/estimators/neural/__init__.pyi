from .estimator import NeuralSDE as NeuralSDE
