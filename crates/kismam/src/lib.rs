//! kismam
