//! Parts of a data set that share no video: all questions of a video stay together (paper).

use std::collections::{BTreeMap, HashMap, HashSet};

use sha2::{Digest as _, Sha256};

use super::record::Record;
use crate::{Error, Result};

/// A data set in named parts.
pub type Parts = BTreeMap<String, Vec<Record>>;

/// Splits records by video into parts of the given shares, such as `[("train", 0.9), ("test", 0.1)]`.
///
/// Where a video goes depends on its id, on `salt` and on the shares, and on no other record: new videos move no old ones.
/// Shares are of videos, and kept on average.
///
/// # Errors
///
/// [`Error::InvalidSetting`] unless the shares are positive and add up to 1.
pub fn split_by_video(records: Vec<Record>, shares: &[(&str, f64)], salt: &str) -> Result<Parts> {
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    // Shares are written with a few digits; adding them rounds in the sixteenth.
    if (sum - 1.0).abs() > 1e-9 || shares.iter().any(|(_, share)| share.is_nan() || *share <= 0.0) {
        let expected = "positive shares that add up to 1".into();
        return Err(Error::InvalidSetting {
            name: "shares",
            value: format!("{shares:?}"),
            expected,
        });
    }
    let mut parts: Parts =
        shares.iter().map(|(name, _)| ((*name).to_owned(), Vec::new())).collect();
    for record in records {
        let digest = Sha256::digest(format!("{salt}\n{}", record.video_id).as_bytes());
        let mut head = [0; 8];
        head.copy_from_slice(&digest[..8]);
        let mut place = u64::from_be_bytes(head) as f64 / u64::MAX as f64;
        let mut name = shares[shares.len() - 1].0;
        for (candidate, share) in shares {
            if place < *share {
                name = candidate;
                break;
            }
            place -= share;
        }
        parts.entry(name.to_owned()).or_default().push(record);
    }
    Ok(parts)
}

/// Makes sure that no video is in two parts, whoever made them.
///
/// Videos are compared by id without extension and folders, in lower case: sources name the same clip in different ways.
/// SoccerBench's test clips, which come from SoccerReplay-1988, are found so.
///
/// # Errors
///
/// [`Error::Leak`] names the first video that is in two parts.
pub fn check_leaks(parts: &Parts) -> Result<()> {
    let mut found: HashMap<String, &str> = HashMap::new();
    for (part, records) in parts {
        for record in records {
            let first = *found.entry(stem(&record.video_id)).or_insert(part);
            if first != part {
                let (first, second) = (first.to_owned(), part.clone());
                return Err(Error::Leak { video_id: record.video_id.clone(), first, second });
            }
        }
    }
    Ok(())
}

/// Leaves out the records whose video is in `held_out`, compared as by [`check_leaks`]: such as the clips of SoccerBench's test
/// from SoccerReplay-1988's training part (paper).
#[must_use]
pub fn without_videos_of(records: Vec<Record>, held_out: &[Record]) -> Vec<Record> {
    let held_out: HashSet<String> = held_out.iter().map(|record| stem(&record.video_id)).collect();
    records.into_iter().filter(|record| !held_out.contains(&stem(&record.video_id))).collect()
}

/// The last two parts of a path, without extension: names such as `1_45_12.mp4` are unique in their match only.
fn stem(video_id: &str) -> String {
    let path = video_id.trim_end_matches('/').to_lowercase();
    let path = match path.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 4 && !extension.contains('/') => {
            stem.to_owned()
        }
        _ => path,
    };
    let mut tail: Vec<&str> = path.rsplit('/').take(2).collect();
    tail.reverse();
    tail.join("/")
}
