use std::fmt::Write as _;
use std::path::Path;

use crate::format::{parse_cell, read_text, write_whole};
use crate::{Error, Result, Signal, SignalUnit};

/// Columns over time as OpenSim's `.mot` and `.sto` files hold them: joint angles, not positions.
#[derive(Debug, Clone, PartialEq)]
pub struct MotTable {
    /// Time of each row, in seconds.
    pub times_s: Vec<f64>,
    /// Name and values of each column, NaN where not measured; as long as `times_s`.
    pub columns: Vec<(String, Vec<f64>)>,
    /// Whether angles are in degrees, as the header says, and not in radians.
    pub in_degrees: bool,
}

/// Rows after which a table is no recording (ours: a day at 100 a second).
const MAX_ROWS: usize = 10_000_000;

impl MotTable {
    /// Signals of one recording, a column each, at `fps` rows a second from 0 on.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if there is none, if they differ in length, or if one is not in degrees: the header of the
    /// format speaks for all columns. [`Error::Label`] for a name with white space. [`Error::BadFps`].
    pub fn of_angles<'a>(
        signals: impl IntoIterator<Item = (String, &'a Signal)>,
        fps: f64,
    ) -> Result<MotTable> {
        crate::series::check_fps(fps)?;
        let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
        for (name, signal) in signals {
            if name.is_empty() || name.contains(char::is_whitespace) {
                return Err(Error::Label { text: name });
            }
            let shape = |what, expected, found| Err(Error::Shape { what, expected, found });
            if signal.unit != SignalUnit::Degrees {
                return shape("unit of a MOT column", "deg".into(), signal.unit.name().into());
            }
            if let Some((_, first)) = columns.first().filter(|c| c.1.len() != signal.values.len()) {
                let (expected, found) = (first.len().to_string(), signal.values.len().to_string());
                return shape("rows of a MOT column", expected, found);
            }
            columns.push((name, signal.values.clone()));
        }
        let Some(num_rows) = columns.first().map(|(_, values)| values.len()) else {
            let (expected, found) = ("at least 1".into(), "0".into());
            return Err(Error::Shape { what: "columns", expected, found });
        };
        let times_s = (0..num_rows).map(|row| row as f64 / fps).collect();
        Ok(MotTable { times_s, columns, in_degrees: true })
    }

    /// Values of the column called `name`.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        self.columns.iter().find(|(n, _)| n == name).map(|(_, values)| values.as_slice())
    }

    /// Reads a `.mot` or `.sto` file: header lines up to `endheader`, names, then a row a time, in tabs or spaces.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::TooLarge`], [`Error::Empty`]; [`Error::Header`] and [`Error::RowLength`] for what does
    /// not fit; [`Error::Field`] for a cell that is no number or a time that does not rise.
    pub fn read(path: &Path) -> Result<MotTable> {
        let text = read_text(path)?;
        let header = |field: &str, problem: &str| Error::Header {
            path: path.to_owned(),
            field: field.to_owned(),
            problem: problem.to_owned(),
        };
        let mut lines = text.lines().enumerate();
        let mut in_degrees = false;
        loop {
            let Some((_, line)) = lines.next() else {
                return Err(header("endheader", "there is no such line; is this a MOT file?"));
            };
            let line = line.trim();
            if line.eq_ignore_ascii_case("endheader") {
                break;
            }
            if let Some((key, value)) = line.split_once('=')
                && key.trim().eq_ignore_ascii_case("inDegrees")
            {
                in_degrees = value.trim().eq_ignore_ascii_case("yes");
            }
        }
        // Sports2D's names hold spaces, so tabs, where there are any, are what divides.
        let mut rows = lines.filter(|(_, line)| !line.trim().is_empty());
        let (_, names) =
            rows.next().ok_or_else(|| header("time", "the line of names is missing"))?;
        let cells = |line: &str| -> Vec<String> {
            if names.contains('\t') {
                line.trim_end_matches(['\r', '\t'])
                    .split('\t')
                    .map(|c| c.trim().to_owned())
                    .collect()
            } else {
                line.split_whitespace().map(str::to_owned).collect()
            }
        };
        let names_found = cells(names);
        if !names_found.first().is_some_and(|name| name.eq_ignore_ascii_case("time")) {
            return Err(header("time", "the first column must be 'time'"));
        }
        let mut table = MotTable { times_s: Vec::new(), columns: Vec::new(), in_degrees };
        table.columns = names_found.into_iter().skip(1).map(|name| (name, Vec::new())).collect();
        for (i, line) in rows {
            table.push_row(path, i as u64 + 1, &cells(line))?;
        }
        if table.times_s.is_empty() {
            return Err(Error::Empty { path: path.to_owned() });
        }
        Ok(table)
    }

    fn push_row(&mut self, path: &Path, line: u64, cells: &[String]) -> Result<()> {
        let expected = self.columns.len() + 1;
        // The last empty cells may have lost their tabs.
        if cells.len() > expected || self.times_s.len() == MAX_ROWS {
            let found = cells.len();
            return Err(Error::RowLength { path: path.to_owned(), line, found, expected });
        }
        let number =
            |i: usize, field: &str| {
                parse_cell(cells.get(i).map_or("", String::as_str)).map_err(|problem| {
                    Error::Field { path: path.to_owned(), line, field: field.to_owned(), problem }
                })
            };
        let time = number(0, "time")?;
        if time.is_nan() || self.times_s.last().is_some_and(|before| time <= *before) {
            let problem = format!("{time} does not follow the row before; times must rise");
            let field = "time".to_owned();
            return Err(Error::Field { path: path.to_owned(), line, field, problem });
        }
        for (i, (name, values)) in self.columns.iter_mut().enumerate() {
            values.push(number(i + 1, name)?);
        }
        self.times_s.push(time);
        Ok(())
    }

    /// The table as the text of a `.mot` file, tabs between cells, `nan` where not measured.
    #[must_use]
    pub fn to_text(&self) -> String {
        let (num_rows, num_columns) = (self.times_s.len(), self.columns.len() + 1);
        let in_degrees = if self.in_degrees { "yes" } else { "no" };
        let mut text = format!(
            "Coordinates\nversion=1\nnRows={num_rows}\nnColumns={num_columns}\ninDegrees={in_degrees}\nendheader\ntime"
        );
        for (name, _) in &self.columns {
            text.push('\t');
            text.push_str(name);
        }
        for (row, time) in self.times_s.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{time}");
            for (_, values) in &self.columns {
                let _ = match values.get(row).copied().unwrap_or(f64::NAN) {
                    value if value.is_finite() => write!(text, "\t{value}"),
                    _ => write!(text, "\tnan"),
                };
            }
        }
        text.push('\n');
        text
    }

    /// Writes the table; the file appears whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        write_whole(path, self.to_text().as_bytes())
    }
}
