"""What generators leave behind: hidden states, surprisal and successive outputs as trajectories."""
