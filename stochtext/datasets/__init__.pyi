from .sample_texts import load_sample_texts as load_sample_texts
from .simulated import load_double_well as load_double_well
from .simulated import load_ornstein_uhlenbeck as load_ornstein_uhlenbeck
