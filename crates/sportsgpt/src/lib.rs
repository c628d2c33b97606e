//! sportsgpt
