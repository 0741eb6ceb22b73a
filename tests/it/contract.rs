//! The document and the server say the same.
