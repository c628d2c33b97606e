use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::times::check_times;
use super::{Format, Recording, Row, assemble, known_fps, note_first_frame, parse_cell, read_text};
use crate::series::check_fps;
use crate::vector::median;
use crate::{Error, Joint, Result, SkeletonSeries, Unit};

/// A skeleton in "metres" whose median height or width in a frame exceeds this is in pixels: Sports2D writes `m`
/// whatever the unit is (ours; the largest person is under 3 m, a person 20 pixels tall is of no use).
const LARGEST_BODY_M: f64 = 15.0;

/// Reads marker tracks: three header lines with rate, units and counts, names, then a row a frame, y up.
///
/// Markers whose names are joints are kept, the others are listed in `meta["ignored_markers"]`. An empty cell or a
/// marker at exactly 0, 0, 0 is missing. Where every z is 0 the series is 2-D.
pub(super) fn read(path: &Path, fps: Option<f64>) -> Result<Recording> {
    let text = read_text(path)?;
    let mut lines = text.lines().enumerate().map(|(i, line)| (i as u64 + 1, line));
    let header = |field: &str, problem: String| Error::Header {
        path: path.to_owned(),
        field: field.to_owned(),
        problem,
    };
    let mut next =
        |what: &str| lines.next().ok_or_else(|| header(what, "this line is missing".into()));

    let (_, kind) = next("PathFileType")?;
    if !kind.trim_start_matches('\u{feff}').starts_with("PathFileType") {
        return Err(header(
            "PathFileType",
            "the first line of a TRC file starts with this word".into(),
        ));
    }
    let (_, keys) = next("DataRate")?;
    let (_, values) = next("DataRate")?;
    let fields: BTreeMap<&str, &str> =
        keys.split('\t').zip(values.split('\t')).map(|(k, v)| (k.trim(), v.trim())).collect();
    let rate = fields
        .get("DataRate")
        .and_then(|v| v.parse::<f64>().ok())
        .filter(|v| check_fps(*v).is_ok());
    if let (None, None, Some(rate)) = (fps, rate, fields.get("DataRate")) {
        return Err(header(
            "DataRate",
            format!("{rate:?} is not a positive number; correct it or pass --fps"),
        ));
    }
    let fps_is_the_file_s = fps.is_none();
    let fps = known_fps(path, fps, rate)?;
    let stated_unit = match fields.get("Units").copied() {
        Some("m") => Unit::Metre,
        Some("mm") => Unit::Millimetre,
        Some("cm") => Unit::Centimetre,
        Some("px") => Unit::Pixel,
        found => {
            return Err(header(
                "Units",
                format!("{:?} is not m, mm, cm or px", found.unwrap_or("")),
            ));
        }
    };
    let (_, names) = next("Frame#")?;
    let markers = Markers::of(names).map_err(|(field, problem)| header(&field, problem))?;
    next("X1")?;

    let mut rows: Vec<Row> = Vec::new();
    let mut times: Vec<(u64, f64)> = Vec::new();
    for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
        let wrong =
            |field: String, problem| Error::Field { path: path.to_owned(), line, field, problem };
        let cells: Vec<&str> = text.split('\t').collect();
        // Writers differ in whether the last empty cells get their tabs.
        let has_all = cells.len() <= markers.num_cells
            || cells[markers.num_cells..].iter().all(|c| c.trim().is_empty());
        if cells.len() <= 2 || !has_all {
            let (found, expected) = (cells.len(), markers.num_cells);
            return Err(Error::RowLength { path: path.to_owned(), line, found, expected });
        }
        let number: u64 = cells[0]
            .trim()
            .parse()
            .map_err(|_| wrong("Frame#".into(), format!("{:?} is not a frame number", cells[0])))?;
        if let Some(before) = rows.last().map(|row| row.number).filter(|before| number <= *before) {
            return Err(wrong(
                "Frame#".into(),
                format!("{number} follows {before}; frames must rise (a gap is fine)"),
            ));
        }
        times.push((number, cells[1].trim().parse().unwrap_or(f64::NAN)));
        rows.push(markers.row(number, &cells).map_err(|(field, problem)| wrong(field, problem))?);
    }
    if fps_is_the_file_s {
        check_times(path, times.into_iter(), fps)?;
    }
    recording(path, markers, rows, fps, stated_unit)
}

/// A TRC file's text: the joints as markers under this crate's names, y up, z = 0 for a picture, empty cells where
/// missing. Confidence is lost, as are keyframes: the format has no place for them.
pub(super) fn to_text(series: &SkeletonSeries, first_frame: u64) -> Result<String> {
    let unit = match series.unit() {
        Unit::Metre => "m",
        Unit::Centimetre => "cm",
        Unit::Millimetre => "mm",
        Unit::Pixel => "px",
        Unit::Unknown => {
            let problem = "it needs a unit, and that of this recording is not known".to_owned();
            return Err(Error::CannotHold { format: Format::Trc, problem });
        }
    };
    let (fps, num_frames, num_joints) = (series.fps(), series.num_frames(), series.joints().len());
    let mut text = String::from("PathFileType\t4\t(X/Y/Z)\tpose.trc\n");
    text += "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n";
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{fps}\t{fps}\t{num_frames}\t{num_joints}\t{unit}\t{fps}\t{first_frame}\t{num_frames}"
    );
    let names: Vec<String> = series.joints().iter().map(|joint| joint.name()).collect();
    let axes = (1..=num_joints).map(|i| format!("X{i}\tY{i}\tZ{i}"));
    let _ = writeln!(text, "Frame#\tTime\t{}\t\t", names.join("\t\t\t"));
    let _ = writeln!(text, "\t\t{}\n", axes.collect::<Vec<_>>().join("\t"));
    for f in 0..num_frames {
        let _ = write!(text, "{}\t{}", first_frame + f as u64, f as f64 / fps);
        for j in 0..num_joints {
            match series.position_at(f, j) {
                Some([x, y, z]) => {
                    let _ = write!(text, "\t{x}\t{y}\t{z}");
                }
                None => text.push_str("\t\t\t"),
            }
        }
        text.push('\n');
    }
    Ok(text)
}

fn recording(
    path: &Path,
    markers: Markers,
    mut rows: Vec<Row>,
    fps: f64,
    stated_unit: Unit,
) -> Result<Recording> {
    let is_flat = rows
        .iter()
        .all(|row| row.coordinates.iter().skip(2).step_by(3).all(|z| *z == 0.0 || z.is_nan()));
    let num_dims = if is_flat { 2 } else { 3 };
    if is_flat {
        for row in &mut rows {
            row.coordinates = row.coordinates.chunks_exact(3).flat_map(|p| [p[0], p[1]]).collect();
        }
    }
    let extent = |row: &Row, dim: usize| {
        let values = row.coordinates.iter().skip(dim).step_by(num_dims).filter(|v| v.is_finite());
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        high - low
    };
    let size = median(rows.iter().map(|row| extent(row, 0).max(extent(row, 1)))).unwrap_or(0.0);
    let unit =
        if stated_unit == Unit::Metre && size > LARGEST_BODY_M { Unit::Pixel } else { stated_unit };
    let mut meta = BTreeMap::new();
    if !markers.ignored.is_empty() {
        meta.insert("ignored_markers".to_owned(), markers.ignored.join(" "));
    }
    note_first_frame(&mut meta, &rows);
    let joints = markers.joints.iter().map(|(joint, _)| *joint).collect();
    let series = assemble(path, joints, num_dims, &rows, fps, unit)?;
    Ok(Recording { series, meta, keyframes: Vec::new() })
}

/// Which cells of a row hold which joint.
#[derive(Debug)]
struct Markers {
    /// Joints with the cell of their x.
    joints: Vec<(Joint, usize)>,
    ignored: Vec<String>,
    num_cells: usize,
}

impl Markers {
    /// Names stand above the first of three cells each, after `Frame#` and `Time`; or the field that is wrong.
    fn of(line: &str) -> std::result::Result<Markers, (String, String)> {
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        if cells.first() != Some(&"Frame#") {
            return Err((
                "Frame#".into(),
                "the fourth line must start with 'Frame#', then 'Time' and the names".into(),
            ));
        }
        let mut markers = Markers { joints: Vec::new(), ignored: Vec::new(), num_cells: 2 };
        for (cell, name) in cells.iter().enumerate().skip(2).filter(|(_, name)| !name.is_empty()) {
            markers.num_cells = cell + 3;
            match name.parse::<Joint>() {
                Ok(joint) if markers.joints.iter().any(|(j, _)| *j == joint) => {
                    return Err(((*name).to_owned(), format!("joint {joint} occurs twice")));
                }
                Ok(joint) => markers.joints.push((joint, cell)),
                Err(_) => markers.ignored.push((*name).to_owned()),
            }
        }
        if markers.joints.is_empty() {
            let problem = format!(
                "no marker is named like a joint (RKnee, ankle_l, ...); found {}",
                markers.ignored.join(" ")
            );
            return Err(("markers".into(), problem));
        }
        Ok(markers)
    }

    /// One row, or the field that is wrong and why.
    fn row(&self, number: u64, cells: &[&str]) -> std::result::Result<Row, (String, String)> {
        let mut row = Row { number, coordinates: Vec::new(), confidence: Vec::new() };
        for (joint, cell) in &self.joints {
            let mut position = [f64::NAN; 3];
            for (dim, value) in position.iter_mut().enumerate() {
                let text = cells.get(cell + dim).copied().unwrap_or("");
                *value = parse_cell(text)
                    .map_err(|problem| (format!("{joint} {}", ["X", "Y", "Z"][dim]), problem))?;
            }
            let seen = position.iter().all(|v| v.is_finite()) && position != [0.0; 3];
            row.coordinates.extend(if seen { position } else { [f64::NAN; 3] });
            row.confidence.push(if seen { 1.0 } else { 0.0 });
        }
        Ok(row)
    }
}
