//! No tenant sees another.
