//! The private cluster, and the server that runs it.
