from .contents import Transitions as Transitions
from .panel import Trajectories as Trajectories
from .pca import TrajectoryPCA as TrajectoryPCA
from .reading import as_trajectories as as_trajectories
from .reading import is_panel as is_panel
from .scaling import TrajectoryScaler as TrajectoryScaler
from .splitting import BlockedTimeSplit as BlockedTimeSplit
from .tica import TrajectoryTICA as TrajectoryTICA
