//! Pictures: what should be in them is, and others can open them.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, Rgb, RgbImage};
use pose::draw::{Overlay, gif, plot, png, stick_figures};
use pose::{Error, Joint, Measure, Side};

use crate::support::{Figure, in_picture, in_space, standing};

/// In a picture of 400 by 400 pixels, 200 a metre, head at the top: y up from the picture's lower edge made negative.
fn in_frame() -> pose::SkeletonSeries {
    let shifted: Figure =
        standing().into_iter().map(|(j, [x, y, z])| (j, [x + 1.0, y - 1.8, z])).collect();
    in_picture(&vec![shifted; 3], [0, 1], 50.0)
}

#[test]
fn an_overlay_is_where_the_joints_are() {
    let series = in_frame();
    let grey = RgbImage::from_pixel(400, 400, Rgb([90; 3]));
    for scale in [1.0, 0.5] {
        let mut picture = grey.clone();
        Overlay::new().without_label().with_scale(scale).draw(&mut picture, &series, 1).unwrap();
        for joint in [Joint::Knee(Side::Right), Joint::Wrist(Side::Right), Joint::Toe(Side::Right)]
        {
            let [x, y, _] = series.position(1, joint).unwrap();
            let pixel = picture.get_pixel((scale * x) as u32, (-scale * y) as u32);
            assert!(pixel[0] > 180 && pixel[2] < 80, "{joint} at scale {scale}: {pixel:?}"); // orange
        }
        assert_eq!(picture.get_pixel(20, 390), &Rgb([90; 3]));
    }
    let mut picture = grey;
    assert!(matches!(Overlay::new().draw(&mut picture, &series, 3), Err(Error::FrameRange { .. })));
    let space = in_space(&vec![standing(); 2], 50.0);
    assert!(matches!(Overlay::new().draw(&mut picture, &space, 0), Err(Error::Shape { .. })));
    assert!(Overlay::new().with_scale(0.0).draw(&mut picture, &series, 0).is_err());
}

#[test]
fn an_animation_lasts_as_long_as_the_motion() {
    let frame = |i: u8| RgbImage::from_pixel(16, 12, Rgb([20 * i, 0, 0]));
    let bytes = gif((0..9).map(frame), 30.0).unwrap();
    let frames =
        GifDecoder::new(Cursor::new(&bytes)).unwrap().into_frames().collect_frames().unwrap();
    let lasts_ms: u32 = frames.iter().map(|f| f.delay().numer_denom_ms()).map(|(n, d)| n / d).sum();
    assert_eq!((frames.len(), lasts_ms), (9, 300));
    assert!(matches!(gif([], 30.0), Err(Error::Picture { .. })));
    let sizes = [RgbImage::new(2, 2), RgbImage::new(3, 2)];
    assert!(matches!(gif(sizes, 30.0), Err(Error::Picture { .. })));
    assert!(matches!(gif([RgbImage::new(2, 2)], 0.0), Err(Error::BadFps { .. })));
}

#[test]
fn stick_figures_and_plots_are_pictures_or_say_why_not() {
    let series = in_space(&vec![standing(); 5], 50.0);
    let moments = [("first".to_owned(), 0.0), ("last".to_owned(), 4.0)];
    let strip = stick_figures(&series, &moments).unwrap();
    assert!(strip.pixels().any(|p| *p != Rgb([255; 3])));
    let again = image::load_from_memory(&png(&strip).unwrap()).unwrap().into_rgb8();
    assert_eq!(again, strip);
    assert!(matches!(stick_figures(&series, &[]), Err(Error::Shape { .. })));
    for outside in [4.1, -1.0, f64::NAN, f64::INFINITY] {
        let moment = [("outside".to_owned(), outside)];
        assert!(
            matches!(stick_figures(&series, &moment), Err(Error::FrameRange { .. })),
            "{outside}"
        );
    }
    let (knee, height) =
        (series.measure(Measure::Knee(Side::Left)), series.measure(Measure::HipHeight));
    let name = |name: &str| name.to_owned();
    assert!(plot(&[(name("knee"), &knee)], 50.0, &moments).is_ok());
    assert!(plot(&[], 50.0, &[]).is_err());
    assert!(plot(&[(name("knee"), &knee), (name("height"), &height)], 50.0, &[]).is_err());
    // Nothing measured is an empty plot.
    let mut blind = knee.clone();
    blind.values.fill(f64::NAN);
    assert!(plot(&[(name("knee"), &blind)], 50.0, &[]).is_ok());
}
