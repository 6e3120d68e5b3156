"""Data sets: which there are, getting them once, loading them verified. Nothing here imports torch."""

from nnbench.data.cache import cache_folder, is_available, location, verify
from nnbench.data.catalog import DATASETS, DataFile, DataSet, Offer, find
from nnbench.data.clients import SourceFailed
from nnbench.data.download import Report, get
from nnbench.data.loading import ImageData, best_available, load
from nnbench.data.sequences import SeriesData, TextData
from nnbench.data.sources import Source, sources_of
from nnbench.data.vocabulary import encode, vocabulary

__all__ = [
    "DATASETS",
    "DataFile",
    "DataSet",
    "ImageData",
    "Offer",
    "Report",
    "SeriesData",
    "Source",
    "SourceFailed",
    "TextData",
    "best_available",
    "cache_folder",
    "encode",
    "find",
    "get",
    "is_available",
    "load",
    "location",
    "sources_of",
    "verify",
    "vocabulary",
]
