//! Small knowledge bases made on the spot.

use std::fmt::Write;

use kismam::{KnowledgeBase, Measurement, Side};

/// An evidence row on a feature of its own, with absolute target 0..0 (degrees).
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) direction: &'static str,
    pub(crate) t_min: f64,
    pub(crate) t_max: f64,
    pub(crate) w: f64,
    pub(crate) group: usize,
    pub(crate) role: &'static str,
    pub(crate) tau: f64,
}

impl Default for Row {
    fn default() -> Self {
        Self {
            direction: "above",
            t_min: 5.0,
            t_max: 20.0,
            w: 0.6,
            group: 0,
            role: "support",
            tau: 8.0,
        }
    }
}

pub(crate) const HEAD: &str = r#"
[kb]
id = "test"
version = "1.0.0"
schema = 1
licence = "CC0"

[[source]]
id = "s"
cite = "A study."
doi = "10.1/1"
kind = "experiment"
n = 30
checked = true

[[event]]
id = "e"
aliases = ["other name"]
name = { en = "Event", zh = "动作" }
keyframes = [{ name = "k", label = { en = "key", zh = "关键帧" }, what = "rule" }, { name = "l", label = { en = "later", zh = "之后" }, what = "rule" }]
views = ["side", "3d"]
"#;

/// One issue `i0`, `i1`, ... per entry, each with its rows; row `r` of issue `i` reads feature `f{i}_{r}`.
pub(crate) fn toml(issues: &[Vec<Row>], aggregate: &str) -> String {
    let mut text = HEAD.to_owned();
    for (i, rows) in issues.iter().enumerate() {
        write!(
            text,
            "\n[[issue]]\nid = \"i{i}\"\nname = {{ en = \"Issue {i}\", zh = \"问题{i}\" }}\nwhy = {{ en = \"Because.\", zh = \"原因。\" }}\naggregate = \"{aggregate}\"\n"
        )
        .unwrap();
        for (r, row) in rows.iter().enumerate() {
            let side = if row.direction == "asymmetry" { "both" } else { "left" };
            write!(
                text,
                r#"
[[feature]]
id = "f{i}_{r}"
measure = "knee"
side = "{side}"
keyframe = "k"
unit = "deg"
tau = {tau:?}

[[reference]]
feature = "f{i}_{r}"
kind = "range"
lo = 0.0
hi = 0.0
source = ["s"]

[[evidence]]
issue = "i{i}"
feature = "f{i}_{r}"
direction = "{direction}"
t_min = {t_min:?}
t_max = {t_max:?}
w = {w:?}
group = "g{group}"
role = "{role}"
rationale = "a test"
source = ["s"]
"#,
                tau = row.tau,
                direction = row.direction,
                t_min = row.t_min,
                t_max = row.t_max,
                w = row.w,
                group = row.group,
                role = row.role,
            )
            .unwrap();
        }
    }
    text
}

pub(crate) fn kb(issues: &[Vec<Row>]) -> KnowledgeBase {
    KnowledgeBase::from_toml(&toml(issues, "noisy_or"), "test").unwrap()
}

/// The value of row `r` of issue 0; for asymmetry rows the right side stays at 0.
pub(crate) fn measured(row: &Row, r: usize, value: f64, sigma: f64) -> Vec<Measurement> {
    let id = format!("f0_{r}");
    match row.direction {
        "asymmetry" => vec![
            Measurement::new(&id, value, sigma).on(Side::Left),
            Measurement::new(&id, 0.0, sigma).on(Side::Right),
        ],
        _ => vec![Measurement::new(&id, value, sigma)],
    }
}
