//! What users rely on, checked against numbers of transformers.

mod fixtures;

mod chat;
mod processor;
mod sampling;
mod tokenizer;

mod adapters;
mod agreement;
mod checkpoint;
mod deepstack;
mod estimate;
mod generation;
mod forward;
mod positions;
mod training;
mod vision;
