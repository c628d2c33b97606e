//! One-Euro and Kalman, against others' computations; and what is done to a whole series.

use pose::{Error, Joint, OneEuro, SavitzkyGolay, Side, Unit, View};
use serde::Deserialize;

use crate::support::{Figure, in_picture, in_space, standing};

/// `tests/fixtures/make_smoother_goldens.py`.
#[derive(Deserialize)]
struct Goldens {
    fps: f64,
    x: Vec<f64>,
    one_euro: Vec<Run>,
    #[cfg(feature = "kalman")]
    gaps: Vec<Option<f64>>,
    #[cfg(feature = "kalman")]
    kalman: Vec<Smooth>,
}

#[derive(Deserialize)]
struct Run {
    min_cutoff_hz: f64,
    beta: f64,
    y: Vec<f64>,
}

#[cfg(feature = "kalman")]
#[derive(Deserialize)]
struct Smooth {
    sd: f64,
    agility: f64,
    first: usize,
    y: Vec<f64>,
    sigma: Vec<f64>,
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("../fixtures/smoothers.json")).unwrap()
}

#[test]
fn one_euro_equals_its_authors_package() {
    let Goldens { fps, x, one_euro, .. } = goldens();
    assert_eq!(one_euro.len(), 3);
    for Run { min_cutoff_hz, beta, y } in one_euro {
        let smooth = OneEuro::new(fps, min_cutoff_hz, beta).unwrap().smooth(&x);
        for (i, (a, b)) in smooth.iter().zip(&y).enumerate() {
            // The same operations on doubles of some hundreds.
            assert!((a - b).abs() < 1e-9, "beta {beta}, sample {i}: {a}, {b}");
        }
    }
    let mut live = OneEuro::new(fps, 1.0, 0.0).unwrap();
    assert_eq!((live.next(5.0), live.next(5.0)), (5.0, 5.0));
    assert!(live.next(f64::NAN).is_nan() && live.next(5.0) == 5.0);
    for bad in
        [OneEuro::new(0.0, 1.0, 0.0), OneEuro::new(30.0, 0.0, 0.0), OneEuro::new(30.0, 1.0, -1.0)]
    {
        assert!(bad.is_err());
    }
}

#[cfg(feature = "kalman")]
#[test]
fn kalman_equals_a_plain_smoother() {
    use pose::{KalmanSmoother, Smoothed};
    let Goldens { fps, gaps, kalman, .. } = goldens();
    let gaps: Vec<f64> = gaps.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect();
    assert_eq!(kalman.len(), 3);
    for Smooth { sd, agility, first, y, sigma } in kalman {
        let Smoothed { values, sigma: ours } =
            KalmanSmoother::new(fps, sd, agility).unwrap().smooth(&gaps).unwrap();
        for i in 0..gaps.len() {
            let Some(golden) = i.checked_sub(first).filter(|golden| *golden < y.len()) else {
                assert!(values[i].is_nan() && ours[i].is_nan());
                continue;
            };
            // Other operations on covariances of condition 1e6 or so.
            assert!(
                (values[i] - y[golden]).abs() < 1e-7,
                "{agility} {i}: {}, {}",
                values[i],
                y[golden]
            );
            assert!((ours[i] - sigma[golden]).abs() < 1e-7, "{agility} {i}");
        }
        // Less sure within the gap than beside it.
        assert!(ours[44] > ours[30]);
    }
    let smoother = KalmanSmoother::new(fps, 1.0, 1.0).unwrap();
    assert!(smoother.smooth(&[f64::NAN; 3]).unwrap().values.iter().all(|v| v.is_nan()));
    assert!(smoother.smooth(&[]).unwrap().values.is_empty());
    assert!(KalmanSmoother::new(fps, 0.0, 1.0).is_err());
}

#[test]
fn pixels_become_metres_by_a_known_length() {
    let series = in_picture(&vec![standing(); 3], [0, 1], 50.0); // 200 pixels a metre
    let (hip, knee) = (Joint::Hip(Side::Right), Joint::Knee(Side::Right));
    let scale = series.metres_per_unit(hip, knee, 0.4).unwrap();
    assert!((scale - 0.005).abs() < 1e-12);
    let metres = series.in_metres(scale).unwrap();
    assert_eq!((metres.unit(), metres.num_dims()), (Unit::Metre, 2));
    assert!((metres.leg_length().unwrap() - 0.8).abs() < 1e-12);
    assert!(matches!(
        series.metres_per_unit(hip, Joint::Index(Side::Left), 0.4),
        Err(Error::NoSegment { .. })
    ));
    assert!(series.metres_per_unit(hip, knee, 0.0).is_err() && series.in_metres(f64::NAN).is_err());
}

#[test]
fn another_frame_rate_keeps_straight_lines_and_gaps() {
    let mut figures: Vec<Figure> = (0..11)
        .map(|f| {
            let shift = 0.1 * f64::from(f);
            standing().into_iter().map(|(j, [x, y, z])| (j, [x + shift, y, z])).collect()
        })
        .collect();
    figures[5].remove(&Joint::Nose);
    let series = in_space(&figures, 50.0);
    let faster = series.resampled(100.0).unwrap();
    assert_eq!((faster.num_frames(), faster.fps()), (21, 100.0));
    let x = |f| faster.position(f, Joint::Neck).unwrap()[0];
    assert!((0..21).all(|f| (x(f) - 0.05 * f as f64).abs() < 1e-12));
    let nose: Vec<usize> = (0..21).filter(|f| faster.position(*f, Joint::Nose).is_none()).collect();
    assert_eq!(nose, [9, 10, 11]);
    let back = faster.resampled(50.0).unwrap();
    assert_eq!(back.num_frames(), 11);
    assert!(
        back.positions()
            .iter()
            .zip(series.positions())
            .all(|(a, b)| (a - b).abs() < 1e-12 || a.is_nan() == b.is_nan())
    );
    assert!(series.resampled(0.0).is_err());
}

#[test]
fn the_camera_sees_the_side_that_faces_it() {
    let right = in_picture(&vec![standing(); 2], [0, 1], 50.0);
    assert_eq!((right.view(), right.camera_side()), (View::Side, Some(Side::Right)));
    let mirrored: Figure = standing().into_iter().map(|(j, [x, y, z])| (j, [-x, y, z])).collect();
    assert_eq!(in_picture(&vec![mirrored; 2], [0, 1], 50.0).camera_side(), Some(Side::Left));
    assert_eq!(in_picture(&vec![standing(); 2], [2, 1], 50.0).camera_side(), None);
    assert_eq!(in_space(&vec![standing(); 2], 50.0).camera_side(), None);
}

#[test]
fn any_filter_can_run_over_every_track() {
    let mut gap = vec![standing(); 9];
    gap[4].remove(&Joint::Nose);
    let series = in_space(&gap, 50.0);
    let savgol = SavitzkyGolay::new(3, 1).unwrap();
    let smooth = series.filtered(|track| savgol.smooth(track)).unwrap();
    assert!(smooth.position(4, Joint::Nose).is_none());
    for (f, joint) in (0..9).flat_map(|f| series.joints().iter().map(move |j| (f, *j))) {
        let (a, b) = (series.position(f, joint), smooth.position(f, joint));
        let same = a.iter().flatten().zip(b.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(a.is_some() == b.is_some() && same);
    }
    assert!(matches!(series.filtered(|_| vec![0.0]), Err(Error::Shape { .. })));
    assert!(matches!(
        series.filtered(|t| vec![f64::INFINITY; t.len()]),
        Err(Error::BadValue { .. })
    ));
}
