//! Writes the report: every file whole, or none.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use sportsgpt::figure::{CurveFigure, SkeletonFigure, sheet_png};
use sportsgpt::{Report, render};

/// Everything that is written, rendered before the first byte reaches the disk.
pub(crate) struct Files {
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Files {
    pub(crate) fn render(
        report: &Report,
        stills: &[Vec<u8>],
        pictures: bool,
    ) -> sportsgpt::Result<Self> {
        let mut files = vec![
            ("report.html", render::html_with_photos(report, stills)?.into_bytes()),
            ("report.json", render::json(report)?.into_bytes()),
        ];
        if pictures {
            let stills = report.keyframes.iter().map(|keyframe| {
                SkeletonFigure::new(keyframe, render::highlights(report, keyframe)).with_title()
            });
            let curves = report.curves.iter();
            let curves =
                curves.map(|curve| CurveFigure::new(curve, &report.keyframes).with_title());
            files.push(("keyframes.png", sheet_png(&stills.collect::<Vec<_>>(), 5)?));
            files.push(("curves.png", sheet_png(&curves.collect::<Vec<_>>(), 2)?));
        }
        Ok(Self { files })
    }

    /// Writes each file beside its place and moves it there.
    pub(crate) fn write(&self, dir: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(dir)
            .with_context(|| format!("{} cannot be made", dir.display()))?;
        let mut waiting = Vec::new();
        for (name, bytes) in &self.files {
            let path = dir.join(name);
            let mut file =
                temporary(dir).with_context(|| format!("{} cannot be written", path.display()))?;
            file.write_all(bytes)
                .and_then(|()| file.as_file().sync_all())
                .with_context(|| format!("{} cannot be written", path.display()))?;
            waiting.push((file, path));
        }
        for (file, path) in waiting {
            file.persist(&path).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        Ok(())
    }
}

/// A nameless-to-be file with the permissions that a new file would have.
fn temporary(dir: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666)); // less the umask
    }
    builder.prefix(".report-").tempfile_in(dir)
}
