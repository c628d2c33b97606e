use super::BLOCK;
use crate::format::Format;
use crate::{Error, Result, SkeletonSeries, Unit};

/// A C3D file: one marker a joint, Intel floats, z up as laboratories have it, residual -1 where missing.
///
/// Samples are of single precision: the format has no other. Confidence, keyframes and a picture's pixels have no place.
pub(in crate::format) fn to_bytes(series: &SkeletonSeries, first_frame: u64) -> Result<Vec<u8>> {
    let cannot = |problem: String| Error::CannotHold { format: Format::C3d, problem };
    let unit = match series.unit() {
        Unit::Metre => "m",
        Unit::Centimetre => "cm",
        Unit::Millimetre => "mm",
        Unit::Pixel | Unit::Unknown => {
            return Err(cannot(format!("it holds lengths, not {} units", series.unit().name())));
        }
    };
    if series.num_dims() != 3 {
        return Err(cannot("it holds points in space; this is a picture".into()));
    }
    // Frames count from 1, in 16 bits.
    let first = first_frame.max(1);
    let last = first + series.num_frames() as u64 - 1;
    let (Ok(first), Ok(last)) = (u16::try_from(first), u16::try_from(last)) else {
        return Err(cannot(format!(
            "its frame numbers end at 65535; this recording goes to {last}"
        )));
    };
    let num_points = series.joints().len() as u16; // fewer than a hundred kinds of joint
    let parameters = parameters(series, unit);
    let num_blocks = parameters.len().div_ceil(BLOCK);
    let mut bytes = vec![0_u8; BLOCK];
    let mut put = |word: usize, value: u16| {
        bytes[2 * word..2 * word + 2].copy_from_slice(&value.to_le_bytes());
    };
    put(0, 2 | 80 << 8); // the parameters begin in block 2
    put(1, num_points);
    put(3, first);
    put(4, last);
    put(8, 2 + num_blocks as u16);
    bytes[12..16].copy_from_slice(&(-1.0_f32).to_le_bytes());
    bytes[20..24].copy_from_slice(&(series.fps() as f32).to_le_bytes());
    bytes.extend(&parameters);
    bytes.resize((1 + num_blocks) * BLOCK, 0);
    for f in 0..series.num_frames() {
        for j in 0..series.joints().len() {
            let point = match series.position_at(f, j) {
                Some([x, y, z]) => [x, 0.0 - z, y, 0.0],
                None => [0.0, 0.0, 0.0, -1.0],
            };
            bytes.extend(point.iter().flat_map(|v| (*v as f32).to_le_bytes()));
        }
    }
    bytes.resize(bytes.len().div_ceil(BLOCK) * BLOCK, 0);
    Ok(bytes)
}

/// Kind, dimensions and bytes of a parameter.
type Value = (i8, Vec<u8>, Vec<u8>);

/// The parameter section, its first four bytes included.
fn parameters(series: &SkeletonSeries, unit: &str) -> Vec<u8> {
    let labels: Vec<String> = series.joints().iter().map(|joint| joint.name()).collect();
    let width = labels.iter().map(String::len).max().unwrap_or(1);
    let padded: String = labels.iter().map(|label| format!("{label:width$}")).collect();
    let word = |value: u16| value.to_le_bytes().to_vec();
    let num_frames = series.num_frames() as u16; // checked by the caller
    let text = |text: &str| -> Value { (-1, vec![text.len() as u8], text.as_bytes().to_vec()) };
    let rate = (series.fps() as f32).to_le_bytes().to_vec();
    let records: [(&str, Value); 9] = [
        ("USED", (2, vec![], word(labels.len() as u16))),
        ("SCALE", (4, vec![], (-1.0_f32).to_le_bytes().to_vec())),
        ("RATE", (4, vec![], rate)),
        ("FRAMES", (2, vec![], word(num_frames))),
        ("UNITS", text(unit)),
        ("X_SCREEN", text("+X")),
        ("Y_SCREEN", text("+Z")),
        ("LABELS", (-1, vec![width as u8, labels.len() as u8], padded.into_bytes())),
        // Where the data begin; put last, once the length of the section is known.
        ("DATA_START", (2, vec![], word(0))),
    ];
    let mut bytes = vec![1, 80, 0, 84];
    group(&mut bytes, 1, "POINT");
    for (name, (kind, dims, data)) in &records {
        parameter(&mut bytes, 1, name, *kind, dims, data);
    }
    group(&mut bytes, 2, "ANALOG");
    parameter(&mut bytes, 2, "USED", 2, &[], &word(0));
    parameter(&mut bytes, 2, "SCALE", 4, &[0], &[]);
    parameter(&mut bytes, 2, "GEN_SCALE", 4, &[], &1.0_f32.to_le_bytes());
    parameter(&mut bytes, 2, "OFFSET", 2, &[0], &[]);
    parameter(&mut bytes, 2, "RATE", 4, &[], &0.0_f32.to_le_bytes());
    group(&mut bytes, 3, "FORCE_PLATFORM");
    parameter(&mut bytes, 3, "USED", 2, &[], &word(0));
    bytes.extend([0, 0]); // the end of the chain
    let num_blocks = bytes.len().div_ceil(BLOCK);
    bytes[2] = num_blocks as u8;
    if let Some(at) = bytes.windows(10).position(|name| name == b"DATA_START") {
        // After the name: step (2), kind, number of dimensions; then the value.
        bytes[at + 14..at + 16].copy_from_slice(&(2 + num_blocks as u16).to_le_bytes());
    }
    bytes
}

fn group(bytes: &mut Vec<u8>, id: u8, name: &str) {
    bytes.extend([name.len() as u8, id.wrapping_neg()]);
    bytes.extend(name.as_bytes());
    bytes.extend(3_u16.to_le_bytes()); // to the next record: this word and the description's length
    bytes.push(0);
}

fn parameter(bytes: &mut Vec<u8>, id: u8, name: &str, kind: i8, dims: &[u8], data: &[u8]) {
    bytes.extend([name.len() as u8, id]);
    bytes.extend(name.as_bytes());
    let step = 2 + 2 + dims.len() + data.len() + 1;
    bytes.extend((step as u16).to_le_bytes());
    bytes.extend([kind.cast_unsigned(), dims.len() as u8]);
    bytes.extend(dims);
    bytes.extend(data);
    bytes.push(0);
}
