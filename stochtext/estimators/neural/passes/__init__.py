"""Moments of a step under networks, and their reverse, for strips of transitions.

No file here is imported before it is needed: they load numba. Every array has the 16
transitions of a strip along its last axis.

A *point* is one state at which both networks are evaluated. Its rows on the tape, from ``at``:
inputs (p), hidden layers of the drift, hidden layers and outputs of the covariance, then from
``at + V`` drift (d), diagonal of the factor (d), slope of the squashed log scale (d), and the
lower triangle divided by the diagonal (low). The factor of the covariance rate is
F = diag(scale) (I + lower).

A *stage* is one evaluation of the moment equations; its rows: mean (d), covariance (d d),
Cholesky factor S (d d), differences of the drift across the points (d d), rates of mean (d)
and covariance (d d). With points m +- sqrt(d) S_j and differences D_j,

    m' = mean b,   P' = C + C' + mean a,   C = sum_j D_j S_j' / (2 sqrt(d)),

and, for cotangents u of m' and G of P' (symmetric), that of the drift at a point is
u / (2 d) +- G S_j / sqrt(d), of the covariance rate G / (2 d), and S_j gains G D_j / sqrt(d).

``shape`` holds p, d, low, rows of a point, V, whether there is a slope, the places of slope,
intercept, log scale and lower (-1 for none), whether the network moves lower, and the number
of layers of each network; ``layers`` a row each: place of the weight, inputs, outputs, place of
the bias (-1 for the last), rows of input and output.
"""
