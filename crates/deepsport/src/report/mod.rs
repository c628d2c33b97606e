//! Pages to look at: one HTML file each, pictures and styles inside, no scripts, nothing loaded from elsewhere.

mod trace; // one run
mod evaluation; // a run over a data set
#[cfg(feature = "local")]
mod rollouts; // what training sampled
mod thumbnail;

pub use evaluation::evaluation_page;
#[cfg(feature = "local")]
pub use rollouts::{rollout_log, rollouts_page};
pub use trace::trace_page;

/// Styles that all pages share.
const STYLE: &str = include_str!("../../templates/page.css");
