use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::{Recording, Row, assemble, known_fps, read_text, write_whole};
use crate::series::check_fps;
use crate::{Error, Joint, Result, SkeletonSeries, Unit, View};

/// Which cell of a row holds what.
#[derive(Debug)]
struct Columns {
    joints: Vec<Joint>,
    num_dims: usize,
    /// Cells of x, y (and z) of each joint, joint by joint.
    coordinates: Vec<usize>,
    /// Cell of each joint's confidence, if the file has it.
    confidence: Vec<Option<usize>>,
    names: Vec<String>,
}

/// Reads the house's table: `# key: value` lines, a header row, then a row a frame.
///
/// Columns are `frame` and `<joint>_x,<joint>_y[,<joint>_z][,<joint>_c]`; an empty cell or `NaN` is missing. `fps` and
/// `units` come from the header lines; a `units` line that says `y down` has y turned over; `# view: side` or `front`
/// states a 2-D view; `# keyframes: crouch=107.07, takeoff=120.69` names moments in the numbering of `frame`.
pub(super) fn read(path: &Path, fps: Option<f64>) -> Result<Recording> {
    let text = read_text(path)?;
    let head: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
    let mut meta: BTreeMap<String, String> = head
        .iter()
        .filter_map(|line| line[1..].split_once(':'))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let header = |field: &str, problem: String| Error::Header {
        path: path.to_owned(),
        field: field.to_owned(),
        problem,
    };

    let (unit, y_sign) = unit_of(meta.get("units")).map_err(|problem| header("units", problem))?;
    let in_file = meta.get("fps").filter(|_| fps.is_none()).map(|value| parse_fps(value));
    let fps = known_fps(path, fps, in_file.transpose().map_err(|problem| header("fps", problem))?)?;

    let body_start =
        head.iter().map(|line| line.len()).sum::<usize>() + newline_bytes(&text, head.len());
    let (columns, rows) = read_rows(path, &text[body_start..], head.len() as u64, y_sign)?;
    let first_frame = rows.first().map_or(0, |row| row.number);
    let mut series = assemble(path, columns.joints, columns.num_dims, &rows, fps, unit)?;
    match meta.get("view").map(String::as_str) {
        Some("side") => series = series.with_view(View::Side),
        Some("front") => series = series.with_view(View::Front),
        _ => {}
    }
    let keyframes = meta.remove("keyframes").map_or(Ok(Vec::new()), |value| {
        parse_keyframes(&value, first_frame, series.num_frames())
            .map_err(|problem| header("keyframes", problem))
    })?;
    if first_frame != 0 {
        meta.insert("first_frame".into(), first_frame.to_string());
    }
    Ok(Recording { series, meta, keyframes })
}

/// Bytes that the line ends of the first `num_lines` lines take, LF or CRLF.
fn newline_bytes(text: &str, num_lines: usize) -> usize {
    text.split_inclusive('\n')
        .take(num_lines)
        .map(|line| line.len() - line.trim_end_matches(['\n', '\r']).len())
        .sum()
}

fn unit_of(value: Option<&String>) -> std::result::Result<(Unit, f64), String> {
    let fix = "add a line such as '# units: metre; axes: right-handed, y up'";
    let value = value.ok_or_else(|| format!("missing; {fix}"))?;
    let word = value.split([';', ',', ' ']).next().unwrap_or("").to_ascii_lowercase();
    let unit = match word.as_str() {
        "metre" | "meter" | "metres" | "meters" | "m" => Unit::Metre,
        "centimetre" | "centimeter" | "centimetres" | "centimeters" | "cm" => Unit::Centimetre,
        "millimetre" | "millimeter" | "millimetres" | "millimeters" | "mm" => Unit::Millimetre,
        "pixel" | "pixels" | "px" => Unit::Pixel,
        "unknown" => Unit::Unknown,
        _ => return Err(format!("{word:?} is not metre, centimetre, millimetre or pixel; {fix}")),
    };
    Ok((unit, if value.contains("y down") { -1.0 } else { 1.0 }))
}

fn parse_fps(value: &str) -> std::result::Result<f64, String> {
    let fps = value.parse::<f64>().ok().filter(|fps| check_fps(*fps).is_ok());
    fps.ok_or_else(|| {
        format!("{value:?} is not a positive number of frames a second; correct it or pass --fps")
    })
}

fn parse_keyframes(
    value: &str,
    first: u64,
    num_frames: usize,
) -> std::result::Result<Vec<(String, f64)>, String> {
    let fix = "expected 'name=frame, name=frame'";
    let pairs = value.split(',').filter(|pair| !pair.trim().is_empty());
    pairs
        .map(|pair| {
            let (name, frame) = pair.split_once('=').ok_or_else(|| format!("{pair:?}; {fix}"))?;
            let frame: f64 = frame.trim().parse().map_err(|_| format!("{pair:?}; {fix}"))?;
            let frame_idx = frame - first as f64;
            if name.trim().is_empty() || !(0.0..=(num_frames - 1) as f64).contains(&frame_idx) {
                let last = first.saturating_add(num_frames as u64 - 1);
                return Err(format!("{pair:?} is outside of the frames {first} to {last}; {fix}"));
            }
            Ok((name.trim().to_owned(), frame_idx))
        })
        .collect()
}

fn read_rows(
    path: &Path,
    body: &str,
    lines_before: u64,
    y_sign: f64,
) -> Result<(Columns, Vec<Row>)> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(body.as_bytes());
    let mut records = reader.records();
    let broken = |error: csv::Error| Error::io(path, error.into());
    let header =
        records.next().ok_or_else(|| Error::Empty { path: path.to_owned() })?.map_err(broken)?;
    let columns = columns(path, &header)?;
    let mut rows: Vec<Row> = Vec::new();
    for record in records {
        let record = record.map_err(broken)?;
        let line = lines_before + record.position().map_or(0, csv::Position::line);
        if record.len() != columns.names.len() {
            let (found, expected) = (record.len(), columns.names.len());
            return Err(Error::RowLength { path: path.to_owned(), line, found, expected });
        }
        let row = columns.row(&record, y_sign).map_err(|(cell, problem)| Error::Field {
            path: path.to_owned(),
            line,
            field: columns.names[cell].clone(),
            problem,
        })?;
        if let Some(before) =
            rows.last().map(|row| row.number).filter(|before| row.number <= *before)
        {
            let problem =
                format!("{} follows {before}; frames must rise (a gap is fine)", row.number);
            return Err(Error::Field {
                path: path.to_owned(),
                line,
                field: "frame".into(),
                problem,
            });
        }
        rows.push(row);
    }
    Ok((columns, rows))
}

fn columns(path: &Path, header: &csv::StringRecord) -> Result<Columns> {
    let wrong = |field: &str, problem: String| Error::Header {
        path: path.to_owned(),
        field: field.to_owned(),
        problem,
    };
    let names: Vec<String> = header.iter().map(str::to_owned).collect();
    if names.first().map(String::as_str) != Some("frame") {
        let found = names.first().cloned().unwrap_or_default();
        return Err(wrong("frame", format!("the first column must be 'frame', found {found:?}")));
    }
    // Cells of x, y, z, c of each joint.
    let mut cells: Vec<(Joint, [Option<usize>; 4])> = Vec::new();
    for (cell, name) in names.iter().enumerate().skip(1) {
        let expected = || {
            wrong(name, "expected 'frame' or '<joint>_x', '_y', '_z' or '_c' (confidence)".into())
        };
        let (joint, axis) = name.rsplit_once('_').ok_or_else(expected)?;
        let axis = ["x", "y", "z", "c"].iter().position(|a| *a == axis).ok_or_else(expected)?;
        let joint: Joint = joint.parse().map_err(|error: Error| wrong(name, error.to_string()))?;
        let at = cells.iter().position(|(j, _)| *j == joint).unwrap_or_else(|| {
            cells.push((joint, [None; 4]));
            cells.len() - 1
        });
        if cells[at].1[axis].replace(cell).is_some() {
            return Err(wrong(name, "this column occurs twice".into()));
        }
    }
    let num_dims = if cells.iter().any(|(_, c)| c[2].is_some()) { 3 } else { 2 };
    let mut coordinates = Vec::new();
    for (joint, cells) in &cells {
        for (axis, cell) in ["x", "y", "z"].iter().zip(cells).take(num_dims) {
            let name = format!("{joint}_{axis}");
            coordinates.push(cell.ok_or_else(|| wrong(&name, "this column is missing".into()))?);
        }
    }
    if cells.is_empty() {
        return Err(wrong("joints", "there is no joint column such as 'knee_r_x'".into()));
    }
    let confidence = cells.iter().map(|(_, cells)| cells[3]).collect();
    Ok(Columns {
        joints: cells.into_iter().map(|(joint, _)| joint).collect(),
        num_dims,
        coordinates,
        confidence,
        names,
    })
}

impl Columns {
    /// One row, or the cell that is wrong and why.
    fn row(
        &self,
        record: &csv::StringRecord,
        y_sign: f64,
    ) -> std::result::Result<Row, (usize, String)> {
        let number = record[0]
            .parse()
            .map_err(|_| (0, format!("{:?} is not a frame number", &record[0])))?;
        let mut coordinates = Vec::with_capacity(self.coordinates.len());
        for (i, &cell) in self.coordinates.iter().enumerate() {
            let sign = if i % self.num_dims == 1 { y_sign } else { 1.0 };
            coordinates
                .push(sign * super::parse_cell(&record[cell]).map_err(|problem| (cell, problem))?);
        }
        let mut confidence = Vec::with_capacity(self.joints.len());
        for &cell in &self.confidence {
            confidence.push(match cell {
                None => 1.0,
                Some(cell) => {
                    let value =
                        super::parse_cell(&record[cell]).map_err(|problem| (cell, problem))?;
                    if value < 0.0 {
                        return Err((cell, format!("confidence {value} is negative")));
                    }
                    if value.is_nan() { 0.0 } else { value }
                }
            });
        }
        Ok(Row { number, coordinates, confidence })
    }
}

/// The text of a house table; see [`write_csv`].
///
/// # Errors
///
/// [`Error::Label`] for a key, value or keyframe name that holds a line break or the format's own separators.
pub fn to_csv(
    series: &SkeletonSeries,
    meta: &BTreeMap<String, String>,
    keyframes: &[(String, f64)],
) -> Result<String> {
    let mut text = String::new();
    let derived = ["fps", "units", "keyframes", "first_frame"];
    for (key, value) in meta.iter().filter(|(key, _)| !derived.contains(&key.as_str())) {
        check_label(key, &[':', ','])?;
        check_label(value, &[])?;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# {key}: {value}");
    }
    let axes = if series.num_dims() == 3 { "right-handed, y up" } else { "x right, y up" };
    let _ = writeln!(text, "# fps: {}", series.fps());
    let _ = writeln!(text, "# units: {}; axes: {axes}; empty = not measured", series.unit().name());
    if !keyframes.is_empty() {
        for (name, _) in keyframes {
            check_label(name, &['=', ','])?;
        }
        let pairs: Vec<String> =
            keyframes.iter().map(|(name, frame)| format!("{name}={frame}")).collect();
        let _ = writeln!(text, "# keyframes: {}", pairs.join(", "));
    }
    // Whether a joint was seen is told by its cells; a column is due only where confidence says more than that.
    let with_confidence = series.confidence().iter().any(|c| *c != 0.0 && *c != 1.0);
    let axes = &["x", "y", "z"][..series.num_dims()];
    text.push_str("frame");
    for joint in series.joints() {
        for axis in axes.iter().chain(with_confidence.then_some(&"c")) {
            let _ = write!(text, ",{joint}_{axis}");
        }
    }
    text.push('\n');
    for (frame_idx, frame) in series.positions().outer_iter().enumerate() {
        let _ = write!(text, "{frame_idx}");
        for (joint_idx, position) in frame.outer_iter().enumerate() {
            for value in position {
                let _ = if value.is_nan() { write!(text, ",") } else { write!(text, ",{value}") };
            }
            if with_confidence {
                let _ = write!(text, ",{}", series.confidence()[[frame_idx, joint_idx]]);
            }
        }
        text.push('\n');
    }
    Ok(text)
}

fn check_label(text: &str, separators: &[char]) -> Result<()> {
    let bad = text.is_empty()
        || text.trim() != text
        || text.contains(|c: char| c.is_control() || separators.contains(&c));
    if bad { Err(Error::Label { text: text.to_owned() }) } else { Ok(()) }
}

/// Writes the house's table: `# key: value` lines from `meta`, `fps`, `units` and `keyframes`, a header row, a row a
/// frame; [`read`](crate::read) gives the same numbers back. A column of confidence is added where it is not all 0 or 1.
///
/// The file appears whole or not at all: it is written beside its place and then renamed.
///
/// # Errors
///
/// [`Error::Io`]; [`Error::Label`] for a key, value or keyframe name that the format cannot hold.
pub fn write_csv(
    path: &Path,
    series: &SkeletonSeries,
    meta: &BTreeMap<String, String>,
    keyframes: &[(String, f64)],
) -> Result<()> {
    write_whole(path, to_csv(series, meta, keyframes)?.as_bytes())
}
