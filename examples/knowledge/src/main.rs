//! Keeps a folder of documents searchable.
fn main() {}
