//! What users rely on, checked against numbers of transformers.

mod adapters;
mod checkpoint;
mod generation;
mod golden;
mod forward;
mod positions;
mod training;
mod vision;
