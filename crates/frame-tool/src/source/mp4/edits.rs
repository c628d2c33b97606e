//! Which coded pictures are shown, and when: edit lists.

use super::boxes::Fields;
use super::samples::Sample;

/// A picture on the presentation timeline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shown {
    /// Ticks of the track.
    pub(crate) pts: i64,
    pub(crate) sample_idx: usize,
}

/// One entry of `elst`, in ticks of the track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edit {
    /// How long it lasts; 0 stands for "until the end".
    pub(super) duration: i64,
    /// Where in the track it begins; `None` shows nothing for its duration.
    pub(super) media_time: Option<i64>,
}

/// Reads an `elst` body. Durations come in `movie_timescale` and leave in `timescale` ticks a second.
pub(super) fn read(elst: &[u8], timescale: u32, movie_timescale: u32) -> Option<Vec<Edit>> {
    let mut fields = Fields::new(elst);
    let (version, _) = fields.version_and_flags()?;
    let count = fields.u32()?;
    let mut edits = Vec::new();
    for _ in 0..count {
        let duration = fields.versioned(version)?;
        let media_time = if version == 1 { fields.i64()? } else { i64::from(fields.i32()?) };
        fields.u32()?; // rate
        let scale = i128::from(movie_timescale.max(1));
        let ticks = (i128::from(duration) * i128::from(timescale) + scale / 2) / scale;
        edits.push(Edit {
            duration: i64::try_from(ticks).unwrap_or(i64::MAX),
            media_time: (media_time >= 0).then_some(media_time),
        });
    }
    Some(edits)
}

/// Frames may be shown more than once, but an edit list that repeats the video tenfold is damage.
const MAX_REPEATS: usize = 10;

/// Pictures in the order in which they are shown.
///
/// A picture belongs to an edit if its own time lies inside. Where an edit begins between two pictures the first one
/// shown is moved to the edit's start, as FFmpeg does; without edits every picture is shown at its composition time.
///
/// # Errors
///
/// In words, if the edits repeat pictures beyond reason.
pub(super) fn apply(edits: &[Edit], samples: &[Sample]) -> Result<Vec<Shown>, String> {
    let mut by_time: Vec<usize> = (0..samples.len()).collect();
    by_time.sort_by_key(|&sample_idx| samples[sample_idx].cts);
    if edits.iter().all(|edit| edit.media_time.is_none()) {
        return Ok(by_time
            .into_iter()
            .map(|sample_idx| Shown { pts: samples[sample_idx].cts, sample_idx })
            .collect());
    }
    let mut shown = Vec::with_capacity(samples.len());
    let (mut start, mut empty) = (0_i64, 0_i64);
    for edit in edits {
        let Some(media_time) = edit.media_time else {
            start = start.saturating_add(edit.duration);
            empty = empty.saturating_add(edit.duration);
            continue;
        };
        let end =
            if edit.duration == 0 { i64::MAX } else { media_time.saturating_add(edit.duration) };
        let first = by_time.partition_point(|&s| samples[s].cts < media_time);
        let last = by_time.partition_point(|&s| samples[s].cts < end);
        shown.extend(by_time[first..last.max(first)].iter().map(|&sample_idx| Shown {
            pts: samples[sample_idx].cts.saturating_sub(media_time).saturating_add(start),
            sample_idx,
        }));
        if shown.len() > samples.len().saturating_mul(MAX_REPEATS) {
            return Err(format!(
                "{} edits show each of {} pictures too often",
                edits.len(),
                samples.len()
            ));
        }
        start = start.saturating_add(edit.duration);
    }
    shown.sort_by_key(|frame| frame.pts);
    let late = shown.first().map_or(0, |frame| frame.pts.saturating_sub(empty)).max(0);
    for frame in &mut shown {
        frame.pts -= late;
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cts: i64) -> Sample {
        Sample { offset: 0, size: 1, cts, duration: 10, is_sync: true }
    }

    #[track_caller]
    fn check(edits: &[(i64, Option<i64>)], expected: &[(i64, usize)]) {
        let edits: Vec<_> =
            edits.iter().map(|&(duration, media_time)| Edit { duration, media_time }).collect();
        let samples = [20, 60, 40, 30, 50].map(sample); // B-frames: stored out of order
        let shown = apply(&edits, &samples).unwrap();
        assert_eq!(shown.iter().map(|f| (f.pts, f.sample_idx)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn edits_by_hand() {
        check(&[], &[(20, 0), (30, 3), (40, 2), (50, 4), (60, 1)]);
        check(&[(50, Some(20))], &[(0, 0), (10, 3), (20, 2), (30, 4), (40, 1)]);
        check(&[(20, Some(30))], &[(0, 3), (10, 2)]); // two of five
        check(&[(100, None), (0, Some(20))], &[(100, 0), (110, 3), (120, 2), (130, 4), (140, 1)]);
        check(&[(20, Some(25))], &[(0, 3), (10, 2)]); // begins between two pictures
        check(&[(20, Some(20)), (20, Some(20))], &[(0, 0), (10, 3), (20, 0), (30, 3)]); // shown twice
    }

    #[test]
    fn endless_repetition_is_refused() {
        let edits = vec![Edit { duration: 0, media_time: Some(0) }; 1000];
        assert!(apply(&edits, &[sample(0), sample(1)]).is_err());
    }
}
