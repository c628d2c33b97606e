//! Toy clips as video files.

use std::io;

use super::clip::Clip;

/// All frames as one animated PNG.
pub(super) fn animated_png(clip: &Clip) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, clip.size, clip.size);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_animated(clip.num_frames as u32, 0)?;
    encoder.set_frame_delay(1, clip.fps as u16)?;
    let mut writer = encoder.write_header()?;
    for frame_idx in 0..clip.num_frames {
        writer.write_image_data(&clip.rgb(frame_idx))?;
    }
    writer.finish()?;
    Ok(bytes)
}

/// All frames as YUV4MPEG2, BT.601 with limited range, as readers assume of untagged video.
pub(super) fn y4m(clip: &Clip) -> Vec<u8> {
    let (size, fps) = (clip.size, clip.fps);
    let mut bytes = format!("YUV4MPEG2 W{size} H{size} F{fps}:1 Ip A1:1 C444\n").into_bytes();
    for frame_idx in 0..clip.num_frames {
        bytes.extend_from_slice(b"FRAME\n");
        let rgb = clip.rgb(frame_idx);
        let pixels = rgb.as_chunks::<3>().0;
        for plane in BT601 {
            bytes.extend(pixels.iter().map(|pixel| plane.level(*pixel)));
        }
    }
    bytes
}

/// Weights of red, green and blue, and the level of black, of one plane.
struct Plane {
    weights: [f32; 3],
    zero: f32,
}

/// ITU-R BT.601, 8 bits: luma 16 to 235, colour differences 16 to 240 around 128.
const BT601: [Plane; 3] = [
    Plane { weights: [65.481, 128.553, 24.966], zero: 16.0 },
    Plane { weights: [-37.797, -74.203, 112.0], zero: 128.0 },
    Plane { weights: [112.0, -93.786, -18.214], zero: 128.0 },
];

impl Plane {
    fn level(&self, pixel: [u8; 3]) -> u8 {
        let weighted: f32 =
            self.weights.iter().zip(pixel).map(|(weight, level)| weight * f32::from(level)).sum();
        (weighted / 255.0 + self.zero).round() as u8
    }
}
