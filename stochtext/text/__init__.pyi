from .documents import Documents as Documents
from .embedders.base import Embedder as Embedder
from .embedders.base import resolve_embedder as resolve_embedder
from .embedders.lsa import LsaEmbedder as LsaEmbedder
from .embedders.minilm import MiniLMEmbedder as MiniLMEmbedder
from .embedders.sentence_transformer import (
    SentenceTransformerEmbedder as SentenceTransformerEmbedder,
)
from .reading import read_documents as read_documents
from .segmentation import segment as segment
from .segmentation import split_paragraphs as split_paragraphs
from .segmentation import split_sentences as split_sentences
from .segmentation import split_windows as split_windows
from .trajectories import TextTrajectories as TextTrajectories
