//! Panics of the decoders that we use are caught and become errors; only ours count.

use std::sync::Once;

const DECODERS: [&str; 6] = ["rust_h264", "image-", "image-webp", "gif-", "png-", "zune-"];

/// Keeps the fuzzer from stopping at a panic inside a decoder. One that we fail to catch still stops it.
pub(crate) fn panics_are_theirs() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let stop = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_theirs = panic.location().is_some_and(|at| {
                at.file().split('/').any(|part| DECODERS.iter().any(|name| part.starts_with(name)))
            });
            if !is_theirs {
                stop(panic);
            }
        }));
    });
}
