from .estimator import SparseSDE as SparseSDE
