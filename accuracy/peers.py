"""Enter peers: other people's models for sets, where their packages are installed (extra `peers`)."""

from accuracy.entrant import Entrant

PEERS: tuple[Entrant, ...] = ()
