//! How pixels are weighed.

use std::f64::consts::PI;

/// A filter of Pillow's `Image.Resampling`, with antialiasing: its support grows as pictures shrink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Filter {
    /// Every pixel under the output pixel counts the same.
    Box,
    /// A triangle over 2 pixels.
    Bilinear,
    /// A Hamming window over 2 pixels: sharper than bilinear, without ringing.
    Hamming,
    /// Keys' cubic with `a = -0.5` over 4 pixels.
    #[default]
    Bicubic,
    /// A sinc under the middle lobe of another, over 6 pixels.
    Lanczos,
}

impl Filter {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Box, Self::Bilinear, Self::Hamming, Self::Bicubic, Self::Lanczos];

    /// Half the number of pixels under the filter when nothing shrinks.
    pub(crate) fn support(self) -> f64 {
        match self {
            Self::Box => 0.5,
            Self::Bilinear | Self::Hamming => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    /// Weight of what lies `x` from the centre; in the very order of Pillow's operations, on which last bits depend.
    pub(crate) fn weight(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let away = x.abs();
        match self {
            Self::Box if x > -0.5 && x <= 0.5 => 1.0,
            Self::Bilinear if away < 1.0 => 1.0 - away,
            // Pillow's constants are of 32 bits.
            Self::Hamming if away < 1.0 => {
                sinc(away) * (f64::from(0.54_f32) + f64::from(0.46_f32) * (away * PI).cos())
            }
            Self::Bicubic if away < 1.0 => ((A + 2.0) * away - (A + 3.0)) * away * away + 1.0,
            Self::Bicubic if away < 2.0 => (((away - 5.0) * away + 8.0) * away - 4.0) * A,
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            _ => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_by_hand() {
        for filter in Filter::ALL {
            assert!((filter.weight(0.0) - 1.0).abs() < 1e-7, "{filter:?}"); // 1e-7: 0.54 + 0.46 in 32 bits
            assert_eq!(filter.weight(filter.support() + 0.01), 0.0, "{filter:?}");
        }
        assert_eq!(Filter::Bilinear.weight(-0.25), 0.75);
        assert_eq!(Filter::Bicubic.weight(0.5), 0.5625); // 9/16: Keys at half a pixel
        assert_eq!(Filter::Bicubic.weight(1.5), -0.0625); // -1/16
        assert!((Filter::Lanczos.weight(1.5) - 2.0 / PI * -2.0 / (3.0 * PI)).abs() < 1e-15);
        assert_eq!((Filter::Box.weight(-0.5), Filter::Box.weight(0.5)), (0.0, 1.0));
    }
}
