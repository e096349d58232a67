from .estimator import NeuralSDE as NeuralSDE
from .streams.transition_stream import TransitionStream as TransitionStream
