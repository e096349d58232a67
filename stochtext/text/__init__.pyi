from .documents import Documents as Documents
from .embedders.base import Embedder as Embedder
from .embedders.base import resolve_embedder as resolve_embedder
from .embedders.lsa import LsaEmbedder as LsaEmbedder
from .embedders.minilm import MiniLMEmbedder as MiniLMEmbedder
from .embedders.sentence_transformer import (
    SentenceTransformerEmbedder as SentenceTransformerEmbedder,
)
from .generation.conversion import from_generate_output as from_generate_output
from .generation.conversion import from_hidden_states as from_hidden_states
from .generation.conversion import from_logprobs as from_logprobs
from .generation.loops import record_loop as record_loop
from .generation.recording import record_generation as record_generation
from .generation.settings import Decoding as Decoding
from .generation.settings import decoding_grid as decoding_grid
from .projections.random_directions import RandomDirections as RandomDirections
from .projections.targeted import TargetedDirections as TargetedDirections
from .reading import read_documents as read_documents
from .reading import stream_documents as stream_documents
from .segmentation import segment as segment
from .segmentation import split_paragraphs as split_paragraphs
from .segmentation import split_sentences as split_sentences
from .segmentation import split_windows as split_windows
from .trajectories import TextTrajectories as TextTrajectories
from .turns import Turn as Turn
