//! What the fields of a partner may be.
