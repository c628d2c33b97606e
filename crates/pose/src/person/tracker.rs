//! Follows one athlete from picture to picture without a detector.

use super::{Keypoint, PersonBox};
use crate::Result;

/// Keypoints below this score do not shape the box (the usual gate, as in signal care).
const MIN_SCORE: f64 = 0.3;
/// Fewer keypoints than this share of the skeleton are not the athlete (ours).
const MIN_SEEN_SHARE: f64 = 0.3;
/// A box around keypoints lacks the top of the head, hands and feet; detectors' boxes have them (ours).
const GROWTH: f64 = 1.25;
/// Share of the way that the box goes to what is seen now; the rest smooths jitter (ours).
const FOLLOWING: f64 = 0.6;
/// Pictures without the athlete before the whole picture is searched (ours: a tenth of a second at 30 a second).
const PATIENCE: usize = 3;

/// What a picture told the tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    /// The athlete is there; the box follows.
    Seen,
    /// Not there, or hidden; the box waits.
    Unseen,
    /// Gone for so long that the whole picture is searched.
    Lost,
}

/// Follows one athlete: the next box is the one around the last skeleton, grown and smoothed.
///
/// It starts with a given box or with the whole picture, and goes back to the whole picture after a few pictures without
/// the athlete. It looks at one body only: with several people in the picture give it a first box.
///
/// ```
/// use pose::{Keypoint, PersonBox, Sighting, Tracker};
/// let mut tracker = Tracker::new(640, 360)?;
/// assert_eq!(tracker.next_box(), PersonBox::whole(640, 360)?);
/// // Head and feet are found at the left; the box goes there at once, as no smaller one was known.
/// let body = [[100.0, 80.0], [140.0, 280.0]];
/// let body = body.map(|at| Keypoint { position: Some(at), score: 0.9 });
/// assert_eq!(tracker.update(&body), Sighting::Seen);
/// assert_eq!(tracker.next_box().center(), [120.0, 180.0]);
/// assert_eq!(tracker.next_box().height(), 1.25 * 200.0);
/// # Ok::<(), pose::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Tracker {
    whole: PersonBox,
    /// `None` while the whole picture is searched.
    last: Option<PersonBox>,
    num_unseen: usize,
}

impl Tracker {
    /// A tracker that searches the whole of a picture of this size first.
    ///
    /// # Errors
    ///
    /// [`Error::PersonBox`](crate::Error::PersonBox) if the picture has no pixel.
    pub fn new(width: usize, height: usize) -> Result<Self> {
        Ok(Self { whole: PersonBox::whole(width, height)?, last: None, num_unseen: 0 })
    }

    /// Starts with a box, as from a detector or drawn by hand.
    ///
    /// # Errors
    ///
    /// [`Error::PersonBox`](crate::Error::PersonBox) if it lies outside the picture.
    pub fn with_first_box(mut self, first: PersonBox) -> Result<Self> {
        if !self.holds(&first) {
            let (width, height) = (self.whole.width(), self.whole.height());
            return Err(first.refused(format!("lies outside the picture of {width} x {height}")));
        }
        self.last = Some(first);
        Ok(self)
    }

    /// Where to look in the next picture.
    #[must_use]
    pub fn next_box(&self) -> PersonBox {
        self.last.unwrap_or(self.whole)
    }

    /// Whether the whole picture is searched.
    #[must_use]
    pub fn is_searching(&self) -> bool {
        self.last.is_none()
    }

    /// Takes what was found in [`next_box`](Self::next_box).
    pub fn update(&mut self, keypoints: &[Keypoint]) -> Sighting {
        match self.seen(keypoints) {
            Some(seen) => {
                self.num_unseen = 0;
                self.last = Some(self.last.map_or(seen, |last| last.towards(&seen, FOLLOWING)));
                Sighting::Seen
            }
            None => {
                self.num_unseen += 1;
                if self.num_unseen < PATIENCE && self.last.is_some() {
                    return Sighting::Unseen;
                }
                self.last = None;
                Sighting::Lost
            }
        }
    }

    /// The grown box around the keypoints one can be sure of, if it is one of a body in the picture.
    fn seen(&self, keypoints: &[Keypoint]) -> Option<PersonBox> {
        let sure = keypoints.iter().filter(|keypoint| keypoint.score >= MIN_SCORE);
        let inside: Vec<[f64; 2]> = sure
            .filter_map(|keypoint| keypoint.position)
            .filter(|[x, y]| {
                (0.0..self.whole.width()).contains(x) && (0.0..self.whole.height()).contains(y)
            })
            .collect();
        if (inside.len() as f64) < MIN_SEEN_SHARE * keypoints.len() as f64 {
            return None;
        }
        PersonBox::around(inside).map(|seen| seen.grown(GROWTH)).filter(|seen| self.holds(seen))
    }

    fn holds(&self, person: &PersonBox) -> bool {
        let (width, height) = (self.whole.width() as usize, self.whole.height() as usize);
        person.within(width, height).is_some()
    }
}
