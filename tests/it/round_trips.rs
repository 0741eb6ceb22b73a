//! What a call costs the database.
