from .base import Process as Process
from .fitted.bins.binned import BinnedProcess as BinnedProcess
from .fitted.extrapolated import ExtrapolatedProcess as ExtrapolatedProcess
from .fitted.networks.network import NetworkProcess as NetworkProcess
from .fitted.smoothing.smoothed import KernelProcess as KernelProcess
from .jumps.jump_diffusion import JumpDiffusion as JumpDiffusion
from .linear.ornstein_uhlenbeck import OrnsteinUhlenbeck as OrnsteinUhlenbeck
from .linear.spline_ornstein_uhlenbeck import (
    SplineOrnsteinUhlenbeck as SplineOrnsteinUhlenbeck,
)
from .linear.trending_ornstein_uhlenbeck import (
    TrendingOrnsteinUhlenbeck as TrendingOrnsteinUhlenbeck,
)
from .named.brownian_motion import BrownianMotion as BrownianMotion
from .named.brusselator import Brusselator as Brusselator
from .named.cev import CEV as CEV
from .named.ckls import CKLS as CKLS
from .named.cox_ingersoll_ross import CoxIngersollRoss as CoxIngersollRoss
from .named.cox_ingersoll_ross import FellerDiffusion as FellerDiffusion
from .named.double_well import DoubleWell as DoubleWell
from .named.duffing import Duffing as Duffing
from .named.duffing import ForcedDuffing as ForcedDuffing
from .named.epidemic import StochasticSIR as StochasticSIR
from .named.fitzhugh_nagumo import FitzHughNagumo as FitzHughNagumo
from .named.geometric_brownian_motion import GeometricBrownianMotion as GeometricBrownianMotion
from .named.gompertz import Gompertz as Gompertz
from .named.heston import Heston as Heston
from .named.hyperbolic import GeneralHyperbolic as GeneralHyperbolic
from .named.hyperbolic import Hyperbolic as Hyperbolic
from .named.jacobi import Jacobi as Jacobi
from .named.jacobi import KesslerSorensen as KesslerSorensen
from .named.linear_noise import GeneralLinear as GeneralLinear
from .named.linear_noise import (
    InhomogeneousGeometricBrownianMotion as InhomogeneousGeometricBrownianMotion,
)
from .named.logistic import GinzburgLandau as GinzburgLandau
from .named.logistic import Logistic as Logistic
from .named.logistic import PearlVerhulst as PearlVerhulst
from .named.lorenz63 import Lorenz63 as Lorenz63
from .named.lotka_volterra import LotkaVolterra as LotkaVolterra
from .named.nonlinear_rate import AitSahalia as AitSahalia
from .named.nonlinear_rate import NonlinearSDE as NonlinearSDE
from .named.pearson import ModifiedCoxIngersollRoss as ModifiedCoxIngersollRoss
from .named.pearson import Pearson as Pearson
from .named.polynomial import PolynomialDiffusion as PolynomialDiffusion
from .named.radial_ornstein_uhlenbeck import RadialOrnsteinUhlenbeck as RadialOrnsteinUhlenbeck
from .named.three_halves import InverseFeller as InverseFeller
from .named.three_halves import ThreeHalves as ThreeHalves
from .named.van_der_pol import VanDerPol as VanDerPol
from .registry import PROCESS_TYPES as PROCESS_TYPES
from .registry import process_from_dict as process_from_dict
from .stationary import stationary_law as stationary_law
from .support import Support as Support
from .written.user_defined import SDE as SDE
