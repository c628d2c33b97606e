//! YUV4MPEG2: a text header, then frames of raw planes.

use std::sync::Arc;

use super::colour::Colour;
use super::media::Media;
use super::picture::{Chroma, Orientation, Picture, Yuv};
use super::sniff::unsupported;
use super::{Description, Emit, Opened, Reader, Source, check_size};
use crate::{Error, Result, Timeline, VideoOptions};

#[derive(Debug)]
struct Y4m(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    media: Media,
    width: u32,
    height: u32,
    chroma: Chroma,
    full_range: bool,
    /// Where the planes of each frame begin.
    offsets: Vec<u64>,
}

/// Headers are a line of text; real ones are shorter by far.
const MAX_LINE: u64 = 1024;

pub(super) fn open(media: Media, options: &VideoOptions) -> Result<Opened> {
    let header = line(&media, 0)?
        .ok_or_else(|| media.damaged("YUV4MPEG2 header", "longer than any header"))?;
    let tag =
        |letter: char| header.split(' ').skip(1).filter_map(|tag| tag.strip_prefix(letter)).next();
    let number = |letter: char| {
        tag(letter).and_then(|value| value.parse::<u32>().ok()).filter(|&value| value > 0)
    };
    let (Some(width), Some(height)) = (number('W'), number('H')) else {
        return Err(media.damaged("YUV4MPEG2 header", format!("no size in {header:?}")));
    };
    check_size(media.path(), width, height, options.max_pixels)?;
    let chroma = match tag('C').unwrap_or("420") {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => Chroma::Yuv420,
        "422" => Chroma::Yuv422,
        "444" => Chroma::Yuv444,
        "mono" => Chroma::Mono,
        other => return Err(unsupported(&media, format!("YUV4MPEG2 with colour space {other}"))),
    };
    let fps = tag('F').and_then(|rate| {
        let (num, den) = rate.split_once(':')?;
        let fps = num.parse::<f64>().ok()? / den.parse::<f64>().ok()?;
        (fps.is_finite() && fps > 0.0).then_some(fps)
    });
    let full_range = header.split(' ').any(|tag| tag == "XCOLORRANGE=FULL");

    let (offsets, warnings) =
        frame_offsets(&media, header.len() as u64 + 1, num_bytes(width, height, chroma))?;
    if offsets.is_empty() {
        return Err(Error::NoVideo {
            path: media.path().to_owned(),
            found: "a header without a whole frame".into(),
        });
    }
    let description = Description {
        container: "YUV4MPEG2".into(),
        codec: "raw YUV".into(),
        width,
        height,
        orientation: Orientation::UPRIGHT,
        warnings,
    };
    let timeline = Timeline::constant(offsets.len(), fps.unwrap_or(options.untimed_fps));
    let shared = Arc::new(Shared { media, width, height, chroma, full_range, offsets });
    Ok(Opened { description, timeline, source: Box::new(Y4m(shared)) })
}

fn num_bytes(width: u32, height: u32, chroma: Chroma) -> u64 {
    let (chroma_width, chroma_height) = chroma.plane(width, height);
    u64::from(width) * u64::from(height) + 2 * u64::from(chroma_width) * u64::from(chroma_height)
}

/// The line of text at `offset`, without its end; `None` if it does not end.
fn line(media: &Media, offset: u64) -> Result<Option<String>> {
    let bytes = media.read_up_to(offset, MAX_LINE)?;
    let end = bytes.iter().position(|&byte| byte == b'\n');
    Ok(end.map(|end| {
        bytes[..end].iter().map(|&byte| if byte.is_ascii() { byte as char } else { '?' }).collect()
    }))
}

fn frame_offsets(media: &Media, mut at: u64, frame_len: u64) -> Result<(Vec<u64>, Vec<String>)> {
    let mut offsets = Vec::new();
    while at < media.len() {
        let Some(header) = line(media, at)?.filter(|header| header.starts_with("FRAME")) else {
            return Ok((
                offsets,
                vec![format!("no frame header at byte {at}; the rest is left out")],
            ));
        };
        let start = at + header.len() as u64 + 1;
        if start + frame_len > media.len() {
            return Ok((offsets, vec![format!("the frame at byte {at} is cut off")]));
        }
        offsets.push(start);
        at = start + frame_len;
    }
    Ok((offsets, Vec::new()))
}

impl Source for Y4m {
    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(Y4mReader(self.0.clone())))
    }
}

struct Y4mReader(Arc<Shared>);

impl Reader for Y4mReader {
    fn read(&mut self, frames: &[usize], emit: &mut Emit<'_>) -> Result<()> {
        let &Shared { ref media, width, height, chroma, full_range, ref offsets } = &*self.0;
        let luma_len = width as usize * height as usize;
        for &frame_idx in frames {
            let mut y = media.read(offsets[frame_idx], num_bytes(width, height, chroma))?;
            let mut u = y.split_off(luma_len);
            let v = u.split_off(u.len() / 2);
            let colour = Colour { full_range, ..Colour::UNTAGGED };
            let builds_on_damage = false;
            let yuv = Yuv { width, height, y, u, v, chroma, colour, builds_on_damage };
            emit(frame_idx, Picture::Yuv(yuv))?;
        }
        Ok(())
    }
}
