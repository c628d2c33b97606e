//! A run over a data set as a page: figures with intervals, what went wrong, and every trajectory in words.

use askama::Template;

use crate::Result;
use crate::evaluate::{Comparison, ErrorClass, Graded, Group, Method, Summary};

/// Questions that are told one by one; the rest is in the run's file.
const MAX_TOLD: usize = 400;

#[derive(Template)]
#[template(path = "evaluation.html")]
struct Page<'a> {
    style: &'static str,
    title: &'a str,
    summaries: Vec<Section>,
    comparison: Option<ComparisonRow>,
    told: Vec<Told<'a>>,
    num_left_out: usize,
}

struct Section {
    name: &'static str,
    rows: Vec<Row>,
    macro_dimensions: String,
    macro_sports: String,
    methods: String,
    errors: Vec<ErrorRow>,
}

/// The figures of a group; a group without name is a heading.
struct Row {
    name: String,
    is_total: bool,
    num: usize,
    num_videos: usize,
    accuracy: String,
    interval: String,
    /// Percent of the bar's width: the mean, then where the interval begins and how wide it is.
    bar: [f64; 3],
    frames: String,
    calls: String,
    invalid: String,
    recall: String,
    t_iou: String,
}

struct ErrorRow {
    name: &'static str,
    num: usize,
    share: String,
}

struct ComparisonRow {
    means: String,
    difference: String,
    p_values: String,
    better_worse: String,
}

struct Told<'a> {
    graded: &'a Graded,
    verdict: &'static str,
    is_right: bool,
    error_class: &'static str,
}

/// The page of a run, perhaps with its comparison with another one.
///
/// # Errors
///
/// [`Error::Page`](crate::Error::Page); does not happen with values of this crate.
pub fn evaluation_page(
    title: &str,
    run: &[Graded],
    comparison: Option<&Comparison>,
) -> Result<String> {
    let mut told: Vec<Told<'_>> = run.iter().map(Told::of).collect();
    told.sort_by_key(|told| told.is_right); // what went wrong is read first
    let num_left_out = told.len().saturating_sub(MAX_TOLD);
    told.truncate(MAX_TOLD);
    let page = Page {
        style: super::STYLE,
        title,
        summaries: Summary::of(run).iter().map(Section::of).collect(),
        comparison: comparison.map(ComparisonRow::of),
        told,
        num_left_out,
    };
    Ok(page.render()?)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn optional_percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), percent)
}

impl Section {
    fn of(summary: &Summary) -> Self {
        let mut rows = vec![Row::of("all questions".to_owned(), true, &summary.overall)];
        for groups in [&summary.dimensions, &summary.sports, &summary.difficulties] {
            rows.extend(
                groups.iter().map(|(name, group)| Row::of(name.replace('_', " "), false, group)),
            );
        }
        let num_errors: usize = summary.errors.values().sum();
        let error_row = |class: ErrorClass| {
            let num = summary.errors.get(&class).copied().unwrap_or_default();
            ErrorRow {
                name: class.name(),
                num,
                share: percent(num as f64 / num_errors.max(1) as f64),
            }
        };
        let method = |(method, num): (&Method, &usize)| format!("{} {num}", method_name(*method));
        Self {
            name: summary.mode.name(),
            rows,
            macro_dimensions: percent(summary.macro_dimensions),
            macro_sports: percent(summary.macro_sports),
            methods: summary.methods.iter().map(method).collect::<Vec<_>>().join(" · "),
            errors: if num_errors == 0 {
                Vec::new()
            } else {
                ErrorClass::ALL.map(error_row).into()
            },
        }
    }
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::Rule => "scored by rule:",
        Method::Judge => "by judge:",
        Method::NoAnswer => "without answer:",
        Method::Unscored => "not scored:",
    }
}

impl Row {
    fn of(name: String, is_total: bool, group: &Group) -> Self {
        let accuracy = &group.accuracy;
        let clamped = |share: f64| 100.0 * share.clamp(0.0, 1.0);
        let [low, high] = accuracy.interval.unwrap_or([accuracy.mean; 2]).map(clamped);
        let interval = match accuracy.interval {
            Some([low, high]) => format!("{} to {}", percent(low), percent(high)),
            None => "too few videos".to_owned(),
        };
        Self {
            name,
            is_total,
            num: accuracy.num,
            num_videos: accuracy.num_clusters,
            accuracy: percent(accuracy.mean),
            interval,
            bar: [clamped(accuracy.mean), low, high - low],
            frames: format!("{:.2}", group.mean_frames),
            calls: format!("{:.2}", group.mean_calls),
            invalid: percent(group.invalid_format_rate),
            recall: optional_percent(group.window_recall),
            t_iou: group.t_iou.map_or_else(|| "–".to_owned(), |t_iou| format!("{t_iou:.3}")),
        }
    }
}

impl ComparisonRow {
    fn of(comparison: &Comparison) -> Self {
        let points = |share: f64| format!("{:+.1} points", 100.0 * share);
        let difference = &comparison.difference;
        let interval = difference.interval.map_or_else(
            || "too few videos for an interval".to_owned(),
            |[low, high]| format!("95 %: {} to {}", points(low), points(high)),
        );
        let p_t = comparison.p_t.map_or_else(|| "–".to_owned(), |p| format!("{p:.4}"));
        let [better, worse] = comparison.better_worse;
        Self {
            means: format!("{} against {}", percent(comparison.mean_b), percent(comparison.mean_a)),
            difference: format!("{} ({interval})", points(difference.mean)),
            p_values: format!(
                "p = {p_t} (t, clustered by video), {:.4} (sign flips of videos)",
                comparison.p_permutation
            ),
            better_worse: format!(
                "{better} questions better, {worse} worse, of {} in both runs; {} in one only",
                difference.num, comparison.num_unpaired
            ),
        }
    }
}

impl<'a> Told<'a> {
    fn of(graded: &'a Graded) -> Self {
        let verdict = match graded.score {
            score if score >= 1.0 => "right",
            score if score > 0.0 => "partly right",
            _ => "wrong",
        };
        let error_class = graded.error_class.map_or("", ErrorClass::name);
        Self { graded, verdict, is_right: graded.score >= 1.0, error_class }
    }
}
