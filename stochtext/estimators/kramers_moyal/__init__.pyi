from .estimator import KramersMoyalResults as KramersMoyalResults
from .estimator import KramersMoyalSDE as KramersMoyalSDE
