//! A folder of images, in the order of the numbers in their names.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{ImageDecoder, ImageReader, Limits};

use super::picture::{Orientation, Picture, Rgb};
use super::{Description, Emit, Opened, Reader, Source, check_size};
use crate::{Error, Result, Timeline, VideoOptions};

const EXTENSIONS: [&str; 5] = ["png", "jpg", "jpeg", "bmp", "webp"];

#[derive(Debug)]
struct Images(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    files: Vec<PathBuf>,
    width: u32,
    height: u32,
    max_pixels: u64,
}

pub(super) fn open(folder: &Path, options: &VideoOptions) -> Result<Opened> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        if extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
            && path.is_file()
        {
            files.push(path);
        }
    }
    if files.is_empty() {
        let what = format!("a folder without images ({})", EXTENSIONS.join(", "));
        return Err(Error::NotVideo { path: folder.to_owned(), what });
    }
    files.sort_by(|a, b| natural_order(&name(a), &name(b)));

    let first = load(&files[0], 0, options.max_pixels)?;
    let description = Description {
        container: "image folder".into(),
        codec: files[0]
            .extension()
            .map_or_else(String::new, |e| e.to_string_lossy().to_uppercase()),
        width: first.width,
        height: first.height,
        orientation: Orientation::UPRIGHT,
        warnings: Vec::new(),
    };
    let timeline = Timeline::constant(files.len(), options.untimed_fps);
    let shared =
        Shared { files, width: first.width, height: first.height, max_pixels: options.max_pixels };
    Ok(Opened { description, timeline, source: Box::new(Images(Arc::new(shared))) })
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn load(path: &Path, frame_idx: usize, max_pixels: u64) -> Result<Rgb> {
    let decode = |reason: String| Error::Decode { path: path.to_owned(), frame_idx, reason };
    let reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let mut decoder = reader.into_decoder().map_err(|error| decode(error.to_string()))?;
    let (width, height) = decoder.dimensions();
    check_size(path, width, height, max_pixels)?;
    decoder.set_limits(Limits::default()).map_err(|error| decode(error.to_string()))?;
    let turn = decoder.orientation().map_err(|error| decode(error.to_string()))?;
    let mut image =
        image::DynamicImage::from_decoder(decoder).map_err(|error| decode(error.to_string()))?;
    image.apply_orientation(turn);
    let rgb = image.into_rgb8();
    Ok(Rgb { width: rgb.width(), height: rgb.height(), pixels: rgb.into_raw() })
}

impl Source for Images {
    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(ImagesReader(self.0.clone())))
    }
}

struct ImagesReader(Arc<Shared>);

impl Reader for ImagesReader {
    fn read(&mut self, frames: &[usize], emit: &mut Emit<'_>) -> Result<()> {
        let Shared { files, width, height, max_pixels } = &*self.0;
        for &frame_idx in frames {
            let picture = load(&files[frame_idx], frame_idx, *max_pixels)?;
            if (picture.width, picture.height) != (*width, *height) {
                return Err(Error::Decode {
                    path: files[frame_idx].clone(),
                    frame_idx,
                    reason: format!(
                        "{}x{} pixels; the first image has {width}x{height}",
                        picture.width, picture.height
                    ),
                });
            }
            emit(frame_idx, Picture::Rgb(picture))?;
        }
        Ok(())
    }
}

/// Compares names with runs of digits as numbers, so that `frame_10` follows `frame_9`.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (num_left, num_right) = (digits(left), digits(right));
        if num_left > 0 && num_right > 0 {
            let (number_left, number_right) = (
                left[..num_left].trim_start_matches('0'),
                right[..num_right].trim_start_matches('0'),
            );
            let order = number_left
                .len()
                .cmp(&number_right.len())
                .then_with(|| number_left.cmp(number_right));
            if order.is_ne() {
                return order;
            }
            (left, right) = (&left[num_left..], &right[num_right..]);
            continue;
        }
        match (left.chars().next(), right.chars().next()) {
            (Some(x), Some(y)) if x == y => {
                (left, right) = (&left[x.len_utf8()..], &right[y.len_utf8()..]);
            }
            (x, y) => return x.cmp(&y).then_with(|| a.cmp(b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_as_numbers() {
        let mut names = ["f10.png", "f9.png", "f010.png", "a.png", "f1.png", "ü2.png", "f.png"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["a.png", "f.png", "f1.png", "f9.png", "f010.png", "f10.png", "ü2.png"]);
    }
}
