use ndarray::Array2;

use super::{Evidence, KnowledgeBase, Role};

/// The mapping matrix W of an event: one row per issue, one column per evidence feature and direction.
///
/// An entry is the evidence row's weight, negative where the row speaks against the issue, 0 where nothing links
/// the two.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// The weights, `[issues, columns]`.
    pub values: Array2<f64>,
    /// Issue ids, in file order.
    pub rows: Vec<String>,
    /// Feature ids with direction, such as `knee@bottom above`, in order of first use.
    pub columns: Vec<String>,
}

impl KnowledgeBase {
    /// The mapping matrix W of an event, by id or alias; `None` if there is no such event.
    ///
    /// ```
    /// let kb = kismam::KnowledgeBase::shipped().into_iter().find(|kb| kb.event("squat").is_some()).unwrap();
    /// let w = kb.matrix("squat").unwrap();
    /// let row = w.rows.iter().position(|issue| issue == "shallow_squat").unwrap();
    /// let column = w.columns.iter().position(|column| column == "knee@bottom above").unwrap();
    /// assert!(w.values[[row, column]] > 0.5);
    /// ```
    #[must_use]
    pub fn matrix(&self, event: &str) -> Option<Matrix> {
        let event = self.event(event)?.id.as_str();
        let rows: Vec<String> = self.issues(event).map(|issue| issue.id.clone()).collect();
        let column = |row: &Evidence| format!("{} {}", row.feature, row.direction);
        let mut columns: Vec<String> = Vec::new();
        for name in self.evidence(event).map(column) {
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
        let mut values = Array2::zeros((rows.len(), columns.len()));
        for row in self.evidence(event) {
            let cell = (
                rows.iter().position(|issue| *issue == row.issue),
                columns.iter().position(|name| *name == column(row)),
            );
            if let (Some(i), Some(j)) = cell {
                values[[i, j]] = if row.role == Role::Contra { -row.w } else { row.w };
            }
        }
        Some(Matrix { values, rows, columns })
    }
}

impl Matrix {
    /// The matrix as CSV: a header with the columns, then a line per issue; empty where nothing links the two.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut csv = String::from("issue");
        self.columns.iter().for_each(|column| csv.extend([",", &quoted(column)]));
        csv.push('\n');
        for (name, weights) in self.rows.iter().zip(self.values.rows()) {
            csv.push_str(&quoted(name));
            for &weight in weights {
                csv.push(',');
                if weight != 0.0 {
                    csv.push_str(&weight.to_string());
                }
            }
            csv.push('\n');
        }
        csv
    }
}

/// RFC 4180: quoted where the text holds a separator, a quote or a line break.
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}
