from .coherence import CoherenceScorer as CoherenceScorer
