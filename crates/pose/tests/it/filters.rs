use pose::{Butterworth, Error, SavitzkyGolay};
use serde::Deserialize;

/// What SciPy gives; `tests/fixtures/make_filter_goldens.py`.
#[derive(Deserialize)]
struct Goldens {
    fps: f64,
    x: Vec<f64>,
    butterworth: Vec<LowPass>,
    savgol: Vec<Polynomial>,
}

#[derive(Deserialize)]
struct LowPass {
    order: usize,
    cutoff_hz: f64,
    length: usize,
    y: Vec<f64>,
}

#[derive(Deserialize)]
struct Polynomial {
    window: usize,
    poly_order: usize,
    derivative: usize,
    length: usize,
    y: Vec<f64>,
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("../fixtures/filters.json")).unwrap()
}

/// Of the signal's size: SciPy runs one filter of high order where we run sections of order 2, which round differently.
const TOLERANCE: f64 = 1e-8;

#[track_caller]
fn assert_close(got: &[f64], expected: &[f64], what: &str) {
    assert_eq!(got.len(), expected.len());
    let size = expected.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
    for (i, (a, b)) in got.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < TOLERANCE * size, "{what}, sample {i}: {a}, SciPy {b}");
    }
}

#[test]
fn butterworth_equals_scipy_filtfilt() {
    let Goldens { fps, x, butterworth, .. } = goldens();
    assert_eq!(butterworth.len(), 8);
    for LowPass { order, cutoff_hz, length, y } in butterworth {
        let filter = Butterworth::low_pass(order, cutoff_hz, fps).unwrap();
        assert_close(
            &filter.filtfilt(&x[..length]),
            &y,
            &format!("order {order} at {cutoff_hz} Hz"),
        );
    }
}

#[test]
fn savitzky_golay_equals_scipy_savgol_filter() {
    let Goldens { fps, x, savgol, .. } = goldens();
    assert_eq!(savgol.len(), 8);
    for Polynomial { window, poly_order, derivative, length, y } in savgol {
        let filter = SavitzkyGolay::new(window, poly_order).unwrap();
        let got = filter.derivative(&x[..length], derivative, fps);
        assert_close(
            &got,
            &y,
            &format!("window {window}, order {poly_order}, derivative {derivative}"),
        );
        if derivative == 0 {
            assert_eq!(got, filter.smooth(&x[..length]));
        }
    }
}

#[test]
fn each_stretch_is_filtered_by_itself_and_short_ones_are_left() {
    let x = goldens().x;
    let mut gappy = x.clone();
    gappy[40..50].fill(f64::NAN);
    gappy[55] = f64::NAN; // leaves 50..55: shorter than the filters need
    let low_pass = Butterworth::low_pass(2, 6.0, 100.0).unwrap();
    let polynomial = SavitzkyGolay::new(7, 2).unwrap();
    for (filtered, alone) in [
        (low_pass.filtfilt(&gappy), low_pass.filtfilt(&x[..40])),
        (polynomial.smooth(&gappy), polynomial.smooth(&x[..40])),
    ] {
        assert_eq!(filtered[..40], alone);
        assert_eq!(filtered[50..55], x[50..55]);
        assert!(filtered[40..50].iter().all(|v| v.is_nan()) && filtered[55].is_nan());
        assert_ne!(filtered[60], x[60]);
    }
    let velocity = polynomial.derivative(&gappy, 1, 100.0);
    assert!(
        velocity[50..55].iter().all(|v| v.is_nan()) && velocity[..40].iter().all(|v| v.is_finite())
    );
}

#[test]
fn derivatives_are_per_second_at_any_frame_rate() {
    for fps in [25.0, 100.0, 240.0] {
        let sine: Vec<f64> = (0..fps as usize * 2)
            .map(|i| (2.0 * std::f64::consts::PI * i as f64 / fps).sin())
            .collect();
        let velocity = SavitzkyGolay::lasting(0.15, fps, 2).unwrap().derivative(&sine, 1, fps);
        let inner = &velocity[fps as usize / 2..3 * fps as usize / 2]; // half windows at the ends overshoot
        let peak = inner.iter().copied().fold(0.0, f64::max);
        // 2 pi a second, less what a window of about 0.15 s of a 1 Hz sine rounds off: up to 6 %.
        assert!((5.8..6.3).contains(&peak), "{peak} at {fps} fps");
    }
}

#[test]
fn settings_out_of_range_are_named() {
    for (order, cutoff_hz, fps, name) in [
        (3, 6.0, 100.0, "order"),
        (0, 6.0, 100.0, "order"),
        (2, 50.0, 100.0, "cut-off"),
        (2, f64::NAN, 100.0, "cut-off"),
    ] {
        let error = Butterworth::low_pass(order, cutoff_hz, fps).unwrap_err();
        assert!(
            matches!(&error, Error::Setting { .. }) && error.to_string().contains(name),
            "{error}"
        );
    }
    assert!(matches!(Butterworth::low_pass(2, 6.0, 0.0), Err(Error::BadFps { .. })));
}
