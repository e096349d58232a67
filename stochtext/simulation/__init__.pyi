from .schemes import SCHEMES as SCHEMES
from .schemes import Scheme as Scheme
from .simulate import simulate as simulate
