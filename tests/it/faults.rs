//! A database that is not there.
