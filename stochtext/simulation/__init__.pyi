from .bridges import Bridges as Bridges
from .bridges import simulate_bridge as simulate_bridge
from .first_passage import first_passage_times as first_passage_times
from .jumps import simulate_jumps as simulate_jumps
from .passage_times import PassageTimes as PassageTimes
from .schemes import SCHEMES as SCHEMES
from .schemes import Scheme as Scheme
from .simulate import simulate as simulate
