//! What users rely on.

mod cards;
mod hybrid;
mod kill;
mod models;
mod reading;
mod search;
mod store;
