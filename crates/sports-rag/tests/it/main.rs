//! What users rely on.

mod cards;
