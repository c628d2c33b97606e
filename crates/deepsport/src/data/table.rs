//! What is in a data set, in figures.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::record::{Dimension, Record};

/// Questions by source, sport and dimension, as a Markdown table with sums.
#[must_use]
pub fn statistics_table(records: &[Record]) -> String {
    #[derive(Default)]
    struct Row<'a> {
        videos: BTreeSet<&'a str>,
        dimensions: [usize; 4],
        num_closed: usize,
        num_grounded: usize,
    }
    let mut rows: BTreeMap<(&str, &str), Row<'_>> = BTreeMap::new();
    for record in records {
        for key in [(record.source.as_str(), record.sport.as_str()), ("all", "")] {
            let row = rows.entry(key).or_default();
            row.videos.insert(&record.video_id);
            let place = Dimension::ALL.iter().position(|known| *known == record.dimension);
            row.dimensions[place.unwrap_or_default()] += 1;
            row.num_closed += usize::from(record.answer.is_closed());
            row.num_grounded += usize::from(!record.evidence.is_empty());
        }
    }
    let total = rows.remove(&("all", ""));
    let mut table = String::from(
        "| source | sport | videos | questions | recognition | rules | coaching | commentary | closed | with evidence |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let last = total.map(|total| (("all", ""), total));
    for ((source, sport), row) in rows.into_iter().chain(last) {
        let [recognition, rules, coaching, commentary] = row.dimensions;
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| {source} | {sport} | {} | {} | {recognition} | {rules} | {coaching} | {commentary} | {} | {} |",
            row.videos.len(),
            row.dimensions.iter().sum::<usize>(),
            row.num_closed,
            row.num_grounded,
        );
    }
    table
}
