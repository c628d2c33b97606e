//! Every bad input has its own error.

use motion_dtw::{
    Dtw, Error, Keyframe, Motion, MotionDtw, OpenEnds, Reference, Role, StepPattern, Stream, Window,
};
use ndarray::{Array2, array};

fn movement(frames: usize, fps: f64) -> Motion {
    let values = Array2::from_shape_fn((frames, 2), |(frame, channel)| {
        ((frame as f64 / fps) * (3.0 + channel as f64)).sin() * 40.0
    });
    Motion::new(values, fps).unwrap()
}

fn reference() -> Reference {
    Reference::new(movement(120, 60.0), vec![Keyframe::new("a", 30.0), Keyframe::new("b", 90.0)])
        .unwrap()
}

#[test]
fn motions_are_checked() {
    assert_eq!(Motion::new(Array2::zeros((0, 2)), 60.0), Err(Error::EmptyMotion));
    assert_eq!(Motion::new(Array2::zeros((2, 0)), 60.0), Err(Error::NoChannels));
    for fps in [0.0, -1.0, f64::INFINITY] {
        assert_eq!(Motion::new(array![[1.0]], fps), Err(Error::InvalidFps { fps }));
    }
    assert!(matches!(Motion::new(array![[1.0]], f64::NAN), Err(Error::InvalidFps { .. })));
    let infinite = array![[1.0, 2.0], [3.0, f64::NEG_INFINITY]];
    assert_eq!(Motion::new(infinite, 60.0), Err(Error::InfiniteValue { frame: 1, channel: 1 }));
    let motion = Motion::new(array![[1.0, f64::NAN]], 60.0).unwrap();
    assert_eq!(motion.weight(0, 1), 0.0);
    let shape = motion.clone().with_confidence(array![[1.0]]);
    assert_eq!(shape, Err(Error::ConfidenceShape { expected: (1, 2), found: (1, 1) }));
    let range = motion.clone().with_confidence(array![[1.0, 1.5]]);
    assert_eq!(range, Err(Error::ConfidenceRange { frame: 0, channel: 1, value: 1.5 }));
    assert!(matches!(
        motion.clone().with_confidence(array![[f64::NAN, 1.0]]),
        Err(Error::ConfidenceRange { .. })
    ));
    assert_eq!(motion.slice(0..2), Err(Error::FrameRange { start: 0, end: 2, num_frames: 1 }));
}

#[test]
fn references_are_checked() {
    let at = |frames: &[f64]| {
        let keyframes =
            frames.iter().map(|&frame| Keyframe::new(format!("at {frame}"), frame)).collect();
        Reference::new(movement(10, 60.0), keyframes)
    };
    assert_eq!(at(&[]), Err(Error::NoKeyframes));
    assert!(matches!(at(&[-0.1]), Err(Error::KeyframeOutside { .. })));
    assert!(matches!(at(&[9.1]), Err(Error::KeyframeOutside { last: 9, .. })));
    assert!(matches!(at(&[f64::NAN]), Err(Error::KeyframeOutside { .. })));
    assert!(matches!(at(&[3.0, 3.0]), Err(Error::KeyframeOrder { frame: 3.0, .. })));
    assert!(matches!(
        at(&[1.0]).unwrap().trimmed(-1.0),
        Err(Error::InvalidSetting { name: "margin_s", .. })
    ));
    let one_keyframe = at(&[4.5]).unwrap().trimmed(0.0).unwrap();
    assert_eq!(one_keyframe.active_frames(), 4..6);
}

#[test]
fn plain_series_hold_numbers_only() {
    let nan = Dtw::new().align(&[1.0, f64::NAN], &[1.0]);
    assert_eq!(nan, Err(Error::NotANumber { role: Role::Query, frame: 1, channel: 0 }));
    assert_eq!(
        Dtw::new().distance(&[1.0], &[f64::INFINITY]),
        Err(Error::InfiniteValue { frame: 0, channel: 0 })
    );
    assert_eq!(Dtw::new().distance(&Vec::<f64>::new(), &[1.0]), Err(Error::EmptyMotion));
    let channels = Dtw::new().align(&array![[1.0, 2.0]], &array![[1.0]]);
    assert_eq!(channels, Err(Error::ChannelMismatch { query: 2, reference: 1 }));
    let count = Dtw::new().with_channel_weights([1.0, 1.0]).align(&[1.0], &[1.0]);
    assert_eq!(count, Err(Error::WeightCount { expected: 1, found: 2 }));
    for weight in [0.0, -1.0, f64::NAN] {
        assert_eq!(
            Dtw::new().with_channel_weights([weight]).align(&[1.0], &[1.0]),
            Err(Error::InvalidWeights)
        );
    }
}

#[test]
fn a_blocked_path_is_an_error_and_never_infinite() {
    let steep = Dtw::new().with_step_pattern(StepPattern::symmetric_p1());
    assert_eq!(steep.align(&[0.0; 9], &[0.0; 3]), Err(Error::NoPath { query: 9, reference: 3 }));
    assert_eq!(steep.distance(&[0.0; 9], &[0.0; 3]), Err(Error::NoPath { query: 9, reference: 3 }));
    let slope = Dtw::new().with_window(Window::Itakura { max_slope: 1.0 }).align(&[0.0], &[0.0]);
    assert!(matches!(slope, Err(Error::InvalidSetting { name: "max_slope", .. })));
    let open = OpenEnds { query_end: 1, ..OpenEnds::default() };
    let large = Dtw::new().with_open_ends(open).with_max_path_bytes(5).align(&[0.0; 3], &[0.0; 2]);
    assert_eq!(large, Err(Error::TooLarge { query: 3, reference: 2, bytes: 6, limit: 5 }));
    assert!(matches!(
        Dtw::new().with_penalty(-1.0).align(&[0.0], &[0.0]),
        Err(Error::InvalidSetting { .. })
    ));
    assert!(StepPattern::custom(vec![], motion_dtw::Normalization::Sum).is_err());
}

#[test]
fn streams_refuse_bad_frames_and_go_on() {
    let mut stream = Stream::new(&Dtw::new(), &[1.0, 2.0], 0.1).unwrap();
    assert_eq!(stream.push(&[1.0, 2.0]), Err(Error::ChannelMismatch { query: 2, reference: 1 }));
    assert_eq!(stream.push(&[f64::INFINITY]), Err(Error::InfiniteValue { frame: 0, channel: 0 }));
    assert_eq!(stream.num_frames(), 0);
    for value in [1.0, 2.0] {
        stream.push(&[value]).unwrap();
    }
    assert_eq!(stream.finish().unwrap().frames, 0..2);
    assert!(Stream::new(&Dtw::new(), &[1.0], f64::NAN).is_err());
}

#[test]
fn searches_name_what_is_wrong() {
    let aligner = MotionDtw::new();
    let three = Motion::new(Array2::zeros((500, 3)), 60.0).unwrap();
    assert_eq!(
        aligner.align(&three, &reference()),
        Err(Error::ChannelMismatch { query: 3, reference: 2 })
    );
    let short = aligner.align(&movement(10, 60.0), &reference());
    assert!(matches!(short, Err(Error::QueryTooShort { .. })), "{short:?}");
    let still = Reference::new(
        Motion::new(Array2::ones((90, 2)), 60.0).unwrap(),
        vec![Keyframe::new("a", 40.0)],
    );
    assert_eq!(aligner.align(&movement(300, 60.0), &still.unwrap()), Err(Error::StillReference));
    let unseen = Motion::new(Array2::from_elem((300, 2), f64::NAN), 60.0).unwrap();
    assert_eq!(aligner.align(&unseen, &reference()), Err(Error::NothingInCommon));
    let weights =
        aligner.clone().with_channel_weights([0.0, 0.0]).align(&movement(300, 60.0), &reference());
    assert_eq!(weights, Err(Error::InvalidWeights));
    let rate =
        aligner.clone().with_coarse_rate_hz(f64::NAN).align(&movement(300, 60.0), &reference());
    assert!(matches!(rate, Err(Error::InvalidSetting { name: "coarse_rate_hz", .. })));
    let tempo = aligner.with_tempo_range(2.0, 1.0).align(&movement(300, 60.0), &reference());
    assert!(matches!(tempo, Err(Error::InvalidSetting { name: "longest tempo", .. })));
}

#[test]
fn one_frame_is_too_short_rather_than_a_panic() {
    let one = movement(1, 60.0);
    assert!(matches!(MotionDtw::new().align(&one, &reference()), Err(Error::QueryTooShort { .. })));
    let point = Reference::new(one.clone(), vec![Keyframe::new("a", 0.0)]).unwrap();
    assert_eq!(MotionDtw::new().align(&one, &point), Err(Error::StillReference));
}
