//! Against what Pillow 13.0.0 made, `tests/fixtures/pillow.py`; and laws.

use pillow_resize::{Error, Filter, resize};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// The picture of `tests/fixtures/pillow.py`: no file needed, full of edges.
fn picture(width: u32, height: u32, num_channels: u32) -> Vec<u8> {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
    let values = places.flat_map(|(y, x)| {
        (0..num_channels).map(move |c| ((7 * x + 13 * y + 29 * c + x * y * c) % 256) as u8)
    });
    values.collect()
}

fn resize_any(
    num_channels: u32,
    pixels: &[u8],
    from: (u32, u32),
    to: (u32, u32),
    filter: Filter,
) -> Vec<u8> {
    let resize = match num_channels {
        1 => resize::<1>,
        3 => resize::<3>,
        4 => resize::<4>,
        other => panic!("{other} channels"),
    };
    resize(pixels, from, to, filter).unwrap()
}

#[test]
fn equals_pillow_bit_for_bit() {
    let golden = include_str!("../fixtures/pillow.txt");
    for line in golden.lines() {
        let fields: Vec<_> = line.split(' ').collect();
        let number = |i: usize| fields[i].parse::<u32>().unwrap();
        let (num_channels, from, to) = (number(1), (number(2), number(3)), (number(4), number(5)));
        let is_meant = |filter: &Filter| format!("{filter:?}").to_lowercase() == fields[0];
        let filter = Filter::ALL.into_iter().find(is_meant).unwrap();
        let ours =
            resize_any(num_channels, &picture(from.0, from.1, num_channels), from, to, filter);
        let sum: String = Sha256::digest(&ours).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sum, fields[6], "{line}");
    }
    assert_eq!(golden.lines().count(), 14 * 5 * 3);
}

#[test]
fn a_flat_picture_stays_flat() {
    for filter in Filter::ALL {
        for value in [0, 1, 127, 254, 255] {
            let out = resize::<3>(&[value; 97 * 61 * 3], (97, 61), (13, 130), filter).unwrap();
            assert!(out.iter().all(|&v| v == value), "{filter:?} {value}");
        }
    }
}

#[test]
fn the_same_size_is_the_same_picture() {
    let pixels = picture(19, 7, 3);
    for filter in Filter::ALL {
        assert_eq!(resize::<3>(&pixels, (19, 7), (19, 7), filter).unwrap(), pixels, "{filter:?}");
    }
}

#[test]
fn wrong_shapes_are_refused() {
    let resize = |pixels: &[u8], from, to| resize::<3>(pixels, from, to, Filter::Bicubic);
    assert!(resize(&[0; 12], (2, 2), (1, 1)).is_ok());
    let error = resize(&[0; 11], (2, 2), (1, 1)).unwrap_err();
    assert_eq!(error, Error::WrongLength { from: (2, 2), num_channels: 3, found: 11 });
    assert!(matches!(resize(&[], (0, 0), (1, 1)), Err(Error::Empty { .. })));
    assert!(matches!(resize(&[0; 12], (2, 2), (0, 1)), Err(Error::Empty { .. })));
    let most = (u32::MAX, u32::MAX);
    assert!(matches!(resize(&[0; 12], most, (1, 1)), Err(Error::WrongLength { .. })));
    assert!(matches!(resize(&[0; 12], (2, 2), most), Err(Error::TooLarge { .. })));
}

proptest! {
    /// Channels know nothing of each other: three at once are each of them alone.
    #[test]
    fn channels_are_independent(
        from in (1_u32..40, 1_u32..40), to in (1_u32..40, 1_u32..40), which in 0..Filter::ALL.len(),
        seed in prop::collection::vec(any::<u8>(), 1..200),
    ) {
        let filter = Filter::ALL[which];
        let pixels: Vec<u8> =
            seed.iter().copied().cycle().take((from.0 * from.1 * 3) as usize).collect();
        let all = resize::<3>(&pixels, from, to, filter).unwrap();
        for channel in 0..3 {
            let one: Vec<u8> = pixels.iter().skip(channel).step_by(3).copied().collect();
            let expected: Vec<u8> = all.iter().skip(channel).step_by(3).copied().collect();
            prop_assert_eq!(resize::<1>(&one, from, to, filter).unwrap(), expected);
        }
    }
}
