use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::KnowledgeBase;

/// One difference between two knowledge bases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The table, such as `evidence`.
    pub table: &'static str,
    /// What identifies the row, such as `squat/shallow_squat/knee@bottom/above`.
    pub row: String,
    /// What happened to it.
    pub kind: ChangeKind,
}

/// What happened to a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Only the new base has it.
    Added,
    /// Only the old base has it.
    Removed,
    /// Both have it, with a field that differs.
    Changed {
        /// The field.
        field: String,
        /// Its old value, as JSON.
        from: Value,
        /// Its new value, as JSON.
        to: Value,
    },
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            ChangeKind::Added => write!(f, "+ {} {}", self.table, self.row),
            ChangeKind::Removed => write!(f, "- {} {}", self.table, self.row),
            ChangeKind::Changed { field, from, to } => {
                write!(f, "~ {} {}: {field}: {from} -> {to}", self.table, self.row)
            }
        }
    }
}

impl KnowledgeBase {
    /// What changed from this base to `newer`, table by table, rows in alphabetical order.
    ///
    /// Rows are matched by what identifies them, so moving a row is no change.
    #[must_use]
    pub fn diff(&self, newer: &KnowledgeBase) -> Vec<Change> {
        let mut changes = Vec::new();
        for ((table, old), (_, new)) in self.tables().into_iter().zip(newer.tables()) {
            for (row, old_value) in &old {
                match new.get(row) {
                    None => {
                        changes.push(Change { table, row: row.clone(), kind: ChangeKind::Removed })
                    }
                    Some(new_value) => changes.extend(
                        changed_fields(old_value, new_value).into_iter().map(|kind| Change {
                            table,
                            row: row.clone(),
                            kind,
                        }),
                    ),
                }
            }
            let added = new.keys().filter(|row| !old.contains_key(*row));
            changes.extend(added.map(|row| Change {
                table,
                row: row.clone(),
                kind: ChangeKind::Added,
            }));
        }
        changes
    }

    fn tables(&self) -> [(&'static str, BTreeMap<String, Value>); 7] {
        fn keyed<T: Serialize>(rows: &[T], key: impl Fn(&T) -> String) -> BTreeMap<String, Value> {
            let mut table = BTreeMap::new();
            for row in rows {
                let (base, mut copy) = (key(row), 1);
                let mut name = base.clone();
                // Duplicates are the validator's to report; here they must not hide each other.
                while table.contains_key(&name) {
                    copy += 1;
                    name = format!("{base}#{copy}");
                }
                table.insert(name, serde_json::to_value(row).unwrap_or(Value::Null));
            }
            table
        }
        let rows = &self.rows;
        [
            ("kb", keyed(std::slice::from_ref(self.header()), |row| row.id.clone())),
            ("source", keyed(&rows.source, |row| row.id.clone())),
            ("event", keyed(&rows.event, |row| row.id.clone())),
            ("feature", keyed(&rows.feature, |row| format!("{}/{}", row.event, row.id))),
            (
                "reference",
                keyed(&rows.reference, |row| {
                    let applies = serde_json::to_string(&row.applies).unwrap_or_default();
                    let kind = serde_json::to_string(&row.kind).unwrap_or_default();
                    format!("{}/{}/{}/{applies}", row.event, row.feature, kind.trim_matches('"'))
                }),
            ),
            ("issue", keyed(&rows.issue, |row| format!("{}/{}", row.event, row.id))),
            (
                "evidence",
                keyed(&rows.evidence, |row| {
                    format!("{}/{}/{}/{}", row.event, row.issue, row.feature, row.direction)
                }),
            ),
        ]
    }
}

fn changed_fields(old: &Value, new: &Value) -> Vec<ChangeKind> {
    let (Value::Object(old), Value::Object(new)) = (old, new) else { return Vec::new() };
    (old.iter())
        .filter_map(|(field, from)| {
            let to = new.get(field).unwrap_or(&Value::Null);
            (from != to).then(|| ChangeKind::Changed {
                field: field.clone(),
                from: from.clone(),
                to: to.clone(),
            })
        })
        .collect()
}
