from .compare import compare as compare
from .model_set import model_confidence_set as model_confidence_set
from .result import Comparison as Comparison
from .rules import Rule as Rule
from .stacking import stacking_weights as stacking_weights
from .summary_table import summary_table as summary_table
from .vuong import VuongTest as VuongTest
from .vuong import vuong_test as vuong_test
