//! Pictures and clips from files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use deepsport_model::processor::Picture;
use image::DynamicImage;

/// Reads a picture; transparency is laid over white.
pub(crate) fn picture(path: &Path) -> Result<Picture> {
    let read = || -> Result<Picture> {
        let decoded = image::ImageReader::open(path)?.with_guessed_format()?.decode();
        let decoded = decoded.map_err(|error| anyhow!("{error}"))?; // it names its cause itself
        let (width, height) = (decoded.width(), decoded.height());
        Ok(match decoded {
            DynamicImage::ImageLuma8(grey) => Picture::from_grey8(width, height, &grey),
            DynamicImage::ImageLumaA8(grey) => Picture::from_grey_alpha8(width, height, &grey),
            DynamicImage::ImageRgb8(rgb) => Picture::from_rgb8(width, height, rgb.into_raw()),
            other if other.color().has_alpha() => {
                Picture::from_rgba8(width, height, &other.into_rgba8())
            }
            other => Picture::from_rgb8(width, height, other.into_rgb8().into_raw()),
        }?)
    };
    read().with_context(|| format!("cannot read the picture {}", path.display()))
}

/// Reads the pictures of a folder in the order of their names.
pub(crate) fn frames(dir: &Path) -> Result<Vec<Picture>> {
    let list = || -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
    };
    let mut paths = list().with_context(|| format!("cannot list {}", dir.display()))?;
    paths.retain(|path| image::ImageFormat::from_path(path).is_ok());
    paths.sort();
    ensure!(!paths.is_empty(), "no picture lies in {}", dir.display());
    paths.iter().map(|path| picture(path)).collect()
}
