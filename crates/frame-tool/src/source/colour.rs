//! From YUV to RGB, with the arithmetic of FFmpeg's swscale.
//!
//! Models learn from frames that decord, PyAV or torchcodec gave, which all convert with swscale's defaults: products are
//! cut off, not rounded (pictures come out darker by about a level), and neighbours share their chroma sample. For 4:2:0 and
//! 4:2:2 of an even height we give the same bits as swscale on x86; for other pictures it takes other ways, and we do not.

use super::picture::{Chroma, Rgb, Yuv};

/// Matrix and range of YUV samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour {
    pub(crate) matrix: Matrix,
    pub(crate) full_range: bool,
}

/// How red, green and blue were mixed into luma and chroma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matrix {
    Bt601,
    Bt709,
    Bt2020,
    Fcc,
    Smpte240,
}

impl Matrix {
    /// Reads `matrix_coefficients` of ITU-T H.273; `None` if it says "unspecified" or nothing that is YUV.
    pub(crate) fn from_h273(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Bt709),
            4 => Some(Self::Fcc),
            5 | 6 => Some(Self::Bt601),
            7 => Some(Self::Smpte240),
            9 | 10 => Some(Self::Bt2020),
            _ => None,
        }
    }

    /// `[V to red, U to blue, U to green, V to green]` for limited range, in units of 2^-16 (swscale's table); the latter
    /// two are subtracted.
    fn inverse(self) -> [i64; 4] {
        match self {
            Self::Bt601 => [104_597, 132_201, 25_675, 53_279],
            Self::Bt709 => [117_489, 138_438, 13_975, 34_925],
            Self::Bt2020 => [110_013, 140_363, 12_277, 42_626],
            Self::Fcc => [104_448, 132_798, 24_759, 53_109],
            Self::Smpte240 => [117_579, 136_230, 16_907, 35_559],
        }
    }
}

/// Factors of 13 bits for samples that were shifted left by 3.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Factors {
    black: i16,
    luma: i16,
    v_to_red: i16,
    u_to_blue: i16,
    u_to_green: i16,
    v_to_green: i16,
}

impl Colour {
    /// Untagged pictures: BT.601 whatever their size, as swscale takes them.
    pub(crate) const UNTAGGED: Self = Self { matrix: Matrix::Bt601, full_range: false };

    fn factors(self) -> Factors {
        let round = |value: i64| ((value * (1 << 13) + (1 << 15)) >> 16) as i16;
        let luma = if self.full_range { 1 << 16 } else { (1 << 16) * 255 / 219 };
        let chroma = |value: i64| round(if self.full_range { value * 224 / 255 } else { value });
        let [v_to_red, u_to_blue, u_to_green, v_to_green] = self.matrix.inverse();
        Factors {
            black: if self.full_range { 0 } else { 16 << 3 },
            luma: round(luma),
            v_to_red: chroma(v_to_red),
            u_to_blue: chroma(u_to_blue),
            u_to_green: chroma(-u_to_green),
            v_to_green: chroma(-v_to_green),
        }
    }
}

/// What the chroma of a row adds to each pixel.
struct Tint {
    red: Vec<i16>,
    green: Vec<i16>,
    blue: Vec<i16>,
}

impl Yuv {
    /// Converts all pixels.
    ///
    /// # Errors
    ///
    /// In words, if the planes do not have the size that they claim.
    pub(crate) fn to_rgb(&self) -> Result<Rgb, String> {
        let &Self { width, height, ref y, ref u, ref v, chroma, colour, .. } = self;
        let (chroma_width, chroma_height) = chroma.plane(width, height);
        let len = |width: u32, height: u32| width as usize * height as usize;
        let found = [y.len(), u.len(), v.len()];
        let chroma_len = len(chroma_width, chroma_height);
        if found != [len(width, height), chroma_len, chroma_len] || y.is_empty() {
            return Err(format!("planes of {found:?} samples for {width}x{height} {chroma:?}"));
        }
        let mut pixels = vec![0; y.len() * 3];
        let rows = Rows { yuv: self, factors: colour.factors(), pixels: &mut pixels };
        rows.convert();
        Ok(Rgb { width, height, pixels })
    }
}

struct Rows<'a> {
    yuv: &'a Yuv,
    factors: Factors,
    pixels: &'a mut [u8],
}

impl Rows<'_> {
    #[cfg_attr(
        target_arch = "x86_64",
        expect(unsafe_code, reason = "a quarter of the time; see below")
    )]
    fn convert(self) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            #[target_feature(enable = "avx2")]
            fn avx2(rows: Rows<'_>) {
                rows.run();
            }
            // SAFETY: the processor has the feature, as just checked.
            return unsafe { avx2(self) };
        }
        self.run();
    }

    #[inline(always)]
    fn run(self) {
        let Self { yuv, factors, pixels } = self;
        let width = yuv.width as usize;
        let (chroma_width, _) = yuv.chroma.plane(yuv.width, yuv.height);
        let mut tint =
            Tint { red: vec![0; width + 1], green: vec![0; width + 1], blue: vec![0; width + 1] };
        let luma_rows = yuv.y.chunks_exact(width).zip(pixels.chunks_exact_mut(width * 3));
        for (row_idx, (luma, out)) in luma_rows.enumerate() {
            let chroma_row_idx = match yuv.chroma {
                Chroma::Mono => None,
                Chroma::Yuv420 => (row_idx % 2 == 0).then_some(row_idx / 2), // else as in the row above
                Chroma::Yuv422 | Chroma::Yuv444 => Some(row_idx),
            };
            if let Some(i) = chroma_row_idx {
                let row = i * chroma_width as usize..(i + 1) * chroma_width as usize;
                let is_shared = yuv.chroma != Chroma::Yuv444;
                tint_row(factors, &yuv.u[row.clone()], &yuv.v[row], is_shared, &mut tint);
            }
            rgb_row(factors, luma, &tint, out);
        }
    }
}

/// The upper half of a product of 32 bits: one instruction for eight or sixteen samples.
#[inline(always)]
fn high(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 16) as i16
}

/// Works out what chroma adds, for two pixels a sample if they share it.
#[inline(always)]
fn tint_row(factors: Factors, u: &[u8], v: &[u8], is_shared: bool, tint: &mut Tint) {
    let rgb = |u: u8, v: u8| {
        let (u, v) = ((i16::from(u) << 3) - (128 << 3), (i16::from(v) << 3) - (128 << 3));
        let green = high(u, factors.u_to_green) + high(v, factors.v_to_green);
        (high(v, factors.v_to_red), green, high(u, factors.u_to_blue))
    };
    let samples = u.iter().zip(v);
    if is_shared {
        let (red, green, blue) = (
            tint.red.as_chunks_mut::<2>().0,
            tint.green.as_chunks_mut::<2>().0,
            tint.blue.as_chunks_mut::<2>().0,
        );
        for ((((&u, &v), red), green), blue) in samples.zip(red).zip(green).zip(blue) {
            let (r, g, b) = rgb(u, v);
            (*red, *green, *blue) = ([r; 2], [g; 2], [b; 2]);
        }
    } else {
        let tints = tint.red.iter_mut().zip(&mut tint.green).zip(&mut tint.blue);
        for ((&u, &v), ((red, green), blue)) in samples.zip(tints) {
            (*red, *green, *blue) = rgb(u, v);
        }
    }
}

#[inline(always)]
fn rgb_row(factors: Factors, luma: &[u8], tint: &Tint, out: &mut [u8]) {
    let tints = tint.red.iter().zip(&tint.green).zip(&tint.blue);
    let pixels = out.as_chunks_mut::<3>().0.iter_mut().zip(luma).zip(tints);
    for ((pixel, &luma), ((&red, &green), &blue)) in pixels {
        let grey = high((i16::from(luma) << 3) - factors.black, factors.luma);
        *pixel = [red, green, blue].map(|tint| (grey + tint).clamp(0, 255) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(chroma: Chroma, colour: Colour, [y, u, v]: [u8; 3]) -> Yuv {
        let (chroma_width, chroma_height) = chroma.plane(3, 3);
        let chroma_len = (chroma_width * chroma_height) as usize;
        let (y, u, v) = (vec![y; 9], vec![u; chroma_len], vec![v; chroma_len]);
        Yuv { width: 3, height: 3, y, u, v, chroma, colour, builds_on_damage: false }
    }

    #[test]
    fn grey_stays_grey() {
        for chroma in [Chroma::Mono, Chroma::Yuv420, Chroma::Yuv422, Chroma::Yuv444] {
            for (luma, full_range, expected) in [
                (16, false, 0),
                (235, false, 255),
                (126, false, 128),
                (0, true, 0),
                (255, true, 255),
            ] {
                let colour = Colour { full_range, ..Colour::UNTAGGED };
                let rgb = picture(chroma, colour, [luma, 128, 128]).to_rgb().unwrap();
                assert_eq!(rgb.pixels, [expected; 27], "{chroma:?} {luma}");
            }
        }
    }

    /// The formulas of ITU-R BT.601 and BT.709 in real numbers: never off by more than the three products that are cut off.
    #[test]
    fn follows_the_standards() {
        for (matrix, [kr, kb]) in
            [(Matrix::Bt601, [0.299, 0.114]), (Matrix::Bt709, [0.2126, 0.0722])]
        {
            let colour = Colour { matrix, full_range: false };
            for y in (16..=235).step_by(73) {
                for (u, v) in (16..=240).step_by(32).flat_map(|u| [(u, 16), (u, 100), (u, 240)]) {
                    let grey = (f64::from(y) - 16.0) * 255.0 / 219.0;
                    let [cb, cr] = [u, v].map(|c| (f64::from(c) - 128.0) * 255.0 / 224.0);
                    let (red, blue) = (grey + 2.0 * (1.0 - kr) * cr, grey + 2.0 * (1.0 - kb) * cb);
                    let green = (grey - kr * red - kb * blue) / (1.0 - kr - kb);
                    let rgb = picture(Chroma::Yuv420, colour, [y, u, v]).to_rgb().unwrap();
                    for (found, exact) in rgb.pixels[..3].iter().zip([red, green, blue]) {
                        let below = exact.clamp(0.0, 255.0) - f64::from(*found);
                        assert!((-0.2..3.2).contains(&below), "{matrix:?} {y} {u} {v}: {below}");
                    }
                }
            }
        }
    }

    #[test]
    fn planes_of_another_size_are_refused() {
        let mut yuv = picture(Chroma::Yuv420, Colour::UNTAGGED, [0; 3]);
        yuv.u.pop();
        assert!(yuv.to_rgb().is_err());
    }
}
