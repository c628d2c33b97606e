//! What users rely on, checked against numbers of transformers.

mod checkpoint;
mod golden;
mod forward;
mod positions;
mod vision;
