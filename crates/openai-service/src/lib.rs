#![doc = include_str!("../README.md")]

mod problem; // what goes wrong
#[cfg(feature = "client")]
mod service; // one server
mod setting; // what makes no sense
#[cfg(feature = "test-server")]
pub mod test_server;
#[cfg(feature = "client")]
mod transport; // one request, its retries, its failures

pub use problem::Problem;
#[cfg(feature = "client")]
pub use service::{Service, block_on};
pub use setting::{Setting, check_endpoint};
