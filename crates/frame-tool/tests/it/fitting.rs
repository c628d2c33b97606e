//! Frames in a box.

use frame_tool::{Filter, Fit, Video, VideoOptions};
use pillow_resize::resize;

use crate::support::made_up;

#[test]
fn frames_are_shrunk_as_pillow_does() {
    let frame = made_up(3, 160, 90);
    for filter in [Filter::Bicubic, Filter::Bilinear] {
        let fit = Fit::new(71, 71).unwrap().with_filter(filter);
        let options = VideoOptions::new().with_fit(fit);
        let video = Video::from_frames(160, 90, vec![frame.clone()], 10.0, &options).unwrap();
        let expected = resize::<3>(&frame, (160, 90), (71, 40), filter).unwrap();
        assert_eq!(video.frame(0).unwrap().rgb(), expected, "{filter:?}");
    }
}

#[test]
fn frames_fit_in_640_by_360_unless_told_otherwise() {
    let frames = vec![vec![9; 1280 * 721 * 3]];
    let video = Video::from_frames(1280, 721, frames, 10.0, &VideoOptions::new()).unwrap();
    assert_eq!(video.frame_size(), (639, 360));
    let frame = video.frame(0).unwrap();
    assert_eq!((frame.width(), frame.height()), (639, 360));
    assert_eq!(frame.rgb().len(), 639 * 360 * 3);
}
