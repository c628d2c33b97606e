//! Opening: whatever the bytes, an index or a typed error. No picture is decoded.
#![no_main]

mod foreign;

use frame_tool::{Decoder, Video, VideoOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    foreign::panics_are_theirs();
    let options = VideoOptions::new().with_decoder(Decoder::Embedded).with_max_pixels(1 << 16);
    if let Ok(video) = Video::from_bytes("fuzz", bytes, &options) {
        let timeline = video.timeline();
        assert!(timeline.num_frames() > 0);
        assert!(timeline.timestamps_s().is_sorted());
        assert!(timeline.duration_s() >= 0.0);
    }
});
