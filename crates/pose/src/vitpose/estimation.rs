//! One athlete through a whole video.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;

use super::VitPose;
use super::journal::{Journal, kind};
use crate::{Error, Keypoint, PersonBox, Picture, Result, Sighting, SkeletonSeries, Tracker};

/// Pictures that share a box (ours: a tenth of a second, in which nobody runs out of it).
const BATCH_SIZE: usize = 4;

/// Follows one athlete from picture to picture with a [`Tracker`], and keeps what was found.
///
/// Pictures come from whatever reads videos. With a journal an interrupted run goes on where it stopped, and ends as an
/// uninterrupted one does.
///
/// ```no_run
/// # use std::{ops::ControlFlow, path::Path};
/// # use pose::{Picture, Tracker, vitpose::{Device, Estimation, VitPose}};
/// # fn decode(from: usize) -> impl Iterator<Item = pose::Result<Vec<u8>>> { (from..300).map(|_| Ok(vec![0; 640 * 360 * 3])) }
/// let model = VitPose::load(Path::new("vitpose-base-simple"), &Device::flex())?;
/// let mut estimation = Estimation::new(&model, Tracker::new(640, 360)?)
///     .with_journal(Path::new("run.csv.part"), "", &[Path::new("run.mp4"), Path::new("vitpose-base-simple")])?;
/// let pictures = decode(estimation.num_done());
/// estimation.run(pictures, |rgb: &Vec<u8>| Picture::new(640, 360, rgb), |num_done| {
///     eprintln!("{num_done} of 300 frames");
///     ControlFlow::Continue(())
/// })?;
/// let series = estimation.series(30.0)?;
/// estimation.finish()?;
/// # Ok::<(), pose::Error>(())
/// ```
#[derive(Debug)]
pub struct Estimation<'m> {
    model: &'m VitPose,
    tracker: Tracker,
    batch_size: NonZeroUsize,
    journal: Option<Journal>,
    frames: Vec<Vec<Keypoint>>,
    num_seen: usize,
}

impl<'m> Estimation<'m> {
    /// Starts with the first picture, where `tracker` looks for the athlete.
    #[must_use]
    pub fn new(model: &'m VitPose, tracker: Tracker) -> Self {
        let batch_size = NonZeroUsize::new(BATCH_SIZE).unwrap_or(NonZeroUsize::MIN);
        Self { model, tracker, batch_size, journal: None, frames: Vec::new(), num_seen: 0 }
    }

    /// Pictures that go through the network together and share a box, 4 by default: more is faster, and too many lose a
    /// fast athlete.
    #[must_use]
    pub fn with_batch_size(mut self, batch_size: NonZeroUsize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Keeps a line a picture in the file `path`, and takes over those of an earlier run of the same kind.
    ///
    /// The kind of a run is all that its result depends on: `settings`, such as first box and batch size, and `sources`,
    /// the video and the checkpoint's folder, which are the same if they lie in the same place, and size and time of
    /// change of no file are others. A journal of a run of another kind is written anew.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if a source cannot be read, or the file cannot be written.
    pub fn with_journal(mut self, path: &Path, settings: &str, sources: &[&Path]) -> Result<Self> {
        let (journal, frames) = Journal::open(path, &kind(settings, sources)?)?;
        self.journal = Some(journal);
        self.take(frames);
        Ok(self)
    }

    /// Pictures that are done.
    #[must_use]
    pub fn num_done(&self) -> usize {
        self.frames.len()
    }

    /// Pictures of them in which the athlete was seen, as [`Tracker`] judges it.
    #[must_use]
    pub fn num_seen(&self) -> usize {
        self.num_seen
    }

    /// What was found: `[num_done][num_keypoints]`.
    #[must_use]
    pub fn frames(&self) -> &[Vec<Keypoint>] {
        &self.frames
    }

    /// Looks at the pictures that follow those [done](Self::num_done), in order, until they end or `after_each` breaks.
    ///
    /// `picture` shows the pixels of one that `pictures` gave; `after_each` gets the number that is done.
    ///
    /// # Errors
    ///
    /// The first error of `pictures`; as [`VitPose::estimate`]; [`Error::Io`] if the journal cannot be written.
    pub fn run<P, E: From<Error>>(
        &mut self,
        pictures: impl IntoIterator<Item = std::result::Result<P, E>>,
        picture: impl Fn(&P) -> Result<Picture<'_>>,
        mut after_each: impl FnMut(usize) -> ControlFlow<()>,
    ) -> std::result::Result<ControlFlow<()>, E> {
        let mut pictures = pictures.into_iter();
        loop {
            // An athlete who has to be found first is looked for in one picture, and followed from there.
            let wanted = if self.tracker.is_searching() { 1 } else { self.batch_size.get() };
            let waiting =
                pictures.by_ref().take(wanted).collect::<std::result::Result<Vec<P>, E>>()?;
            if waiting.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            let views = waiting.iter().map(&picture).collect::<Result<Vec<_>>>()?;
            let found = if self.tracker.is_searching() {
                vec![self.search(views[0])?]
            } else {
                self.look(&views, self.tracker.next_box())?
            };
            if let Some(journal) = &mut self.journal {
                journal.append(&found)?;
            }
            self.take(found);
            if after_each(self.num_done()).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }

    /// The athlete's skeletons as a series, y up, in pixels; see [`VitPose::series`].
    ///
    /// # Errors
    ///
    /// As [`VitPose::series`].
    pub fn series(&self, fps: f64) -> Result<SkeletonSeries> {
        self.model.series(&self.frames, fps)
    }

    /// The result is safe elsewhere: removes the journal.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be removed.
    pub fn finish(self) -> Result<()> {
        self.journal.map_or(Ok(()), Journal::remove)
    }

    fn take(&mut self, found: Vec<Vec<Keypoint>>) {
        for keypoints in &found {
            self.num_seen += usize::from(self.tracker.update(keypoints) == Sighting::Seen);
        }
        self.frames.extend(found);
    }

    /// A look at the whole picture, and if somebody is there, a second one at them.
    fn search(&self, picture: Picture<'_>) -> Result<Vec<Keypoint>> {
        let coarse = self.look(&[picture], self.tracker.next_box())?.remove(0);
        let mut found = self.tracker.clone();
        if found.update(&coarse) != Sighting::Seen {
            return Ok(coarse);
        }
        Ok(self.look(&[picture], found.next_box())?.remove(0))
    }

    fn look(&self, pictures: &[Picture<'_>], person: PersonBox) -> Result<Vec<Vec<Keypoint>>> {
        let people: Vec<_> = pictures.iter().map(|picture| (*picture, person)).collect();
        self.model.estimate(&people)
    }
}
