//! Opening and decoding: whatever the bytes, frames or typed errors.
#![no_main]

mod foreign;

use frame_tool::{Decoder, Video, VideoOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    foreign::panics_are_theirs();
    let options = VideoOptions::new().with_decoder(Decoder::Embedded).with_max_pixels(1 << 14);
    if let Ok(video) = Video::from_bytes("fuzz", bytes, &options) {
        let last = video.num_frames() - 1;
        for frame_idx in [0, last / 2, last] {
            let _ = video.frame(frame_idx);
        }
    }
});
