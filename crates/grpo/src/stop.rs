use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks a training run to end after the step it is in. Clones share the request.
///
/// A program sets it where it hears of Ctrl-C:
///
/// ```
/// let stop = grpo::Stop::default();
/// let on_ctrl_c = stop.clone();
/// // ctrlc::set_handler(move || on_ctrl_c.request())?;
/// # on_ctrl_c.request();
/// assert!(stop.requested());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for the end.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
