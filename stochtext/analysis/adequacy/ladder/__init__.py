"""From the plain mean to nonlinear dynamics, rung by rung, on documents not fitted to."""
