//! What can be wrong with the input of an alignment.

use std::fmt;

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Which of the two inputs an [`Error`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The recording that is searched or aligned.
    Query,
    /// The model recording that it is aligned with.
    Reference,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Query => "query",
            Role::Reference => "reference",
        })
    }
}

/// Why two motions could not be aligned.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A motion needs at least one frame.
    #[error("a motion needs at least one frame, this one has none")]
    EmptyMotion,
    /// A motion needs at least one channel.
    #[error("a motion needs at least one channel, this one has none")]
    NoChannels,
    /// Frame rates are positive and finite.
    #[error("the frame rate is {fps}; it must be a positive, finite number of frames per second")]
    InvalidFps {
        /// The rate that was given.
        fps: f64,
    },
    /// Values are finite, or NaN where nothing was measured.
    #[error("frame {frame}, channel {channel} is infinite; mark a missing value by NaN")]
    InfiniteValue {
        /// 0-based frame.
        frame: usize,
        /// 0-based channel.
        channel: usize,
    },
    /// A plain series (outside [`Motion`](crate::Motion)) holds NaN, and no weights say that it is missing.
    #[error(
        "the {role} has no number at frame {frame}, channel {channel}; wrap it in a `Motion` to treat NaN as missing"
    )]
    NotANumber {
        /// Query or reference.
        role: Role,
        /// 0-based frame.
        frame: usize,
        /// 0-based channel.
        channel: usize,
    },
    /// Confidence has one value per frame and channel.
    #[error("confidence is {found:?} (frames, channels) while the motion is {expected:?}")]
    ConfidenceShape {
        /// Shape of the motion.
        expected: (usize, usize),
        /// Shape of the confidence.
        found: (usize, usize),
    },
    /// Confidence lies in 0..=1.
    #[error("confidence at frame {frame}, channel {channel} is {value}; it must lie in 0..=1")]
    ConfidenceRange {
        /// 0-based frame.
        frame: usize,
        /// 0-based channel.
        channel: usize,
        /// The value found.
        value: f64,
    },
    /// A slice reaches past the motion.
    #[error("frames {start}..{end} are not a non-empty part of 0..{num_frames}")]
    FrameRange {
        /// First frame asked for.
        start: usize,
        /// One past the last frame asked for.
        end: usize,
        /// Frames there are.
        num_frames: usize,
    },
    /// Both motions need the same channels.
    #[error(
        "the query has {query} channels and the reference {reference}; give both the same ones"
    )]
    ChannelMismatch {
        /// Channels of the query.
        query: usize,
        /// Channels of the reference.
        reference: usize,
    },
    /// One weight per channel.
    #[error("{found} channel weights for {expected} channels")]
    WeightCount {
        /// Channels of the motion.
        expected: usize,
        /// Weights given.
        found: usize,
    },
    /// Weights are finite, not negative, and not all zero.
    #[error("weights must be finite, not negative and not all zero")]
    InvalidWeights,
    /// A setting is outside the range that makes sense.
    #[error("setting `{name}` is {value}; {expected}")]
    InvalidSetting {
        /// Name of the setting.
        name: &'static str,
        /// Value found.
        value: f64,
        /// What it has to be.
        expected: &'static str,
    },
    /// A reference without keyframes has nothing to carry over.
    #[error("a reference needs at least one keyframe")]
    NoKeyframes,
    /// Keyframes lie inside the reference.
    #[error("keyframe `{name}` is at frame {frame}, outside 0..={last}")]
    KeyframeOutside {
        /// Name of the keyframe.
        name: String,
        /// Its position in frames.
        frame: f64,
        /// Last frame of the reference.
        last: usize,
    },
    /// Keyframes come in strictly increasing order.
    #[error(
        "keyframe `{name}` at frame {frame} does not come after `{previous}`; order keyframes by time"
    )]
    KeyframeOrder {
        /// Name of the keyframe out of order.
        name: String,
        /// Its position in frames.
        frame: f64,
        /// Name of the keyframe before it.
        previous: String,
    },
    /// The reference does not move, or nothing of it was measured.
    #[error("no channel of the reference both was measured and moves; alignment needs movement")]
    StillReference,
    /// No channel is measured in both motions.
    #[error("no channel is measured in both query and reference")]
    NothingInCommon,
    /// The query cannot hold the reference, even at the fastest tempo allowed.
    #[error(
        "the query lasts {query_s:.3} s while the reference's keyframes need at least {needed_s:.3} s at the fastest tempo allowed"
    )]
    QueryTooShort {
        /// Duration of the query.
        query_s: f64,
        /// Shortest duration that could hold the keyframes.
        needed_s: f64,
    },
    /// The window and the step pattern leave no path from begin to end.
    #[error(
        "no warping path fits: {query} query and {reference} reference frames under this window and step pattern; widen the window or allow steeper steps"
    )]
    NoPath {
        /// Query frames.
        query: usize,
        /// Reference frames.
        reference: usize,
    },
    /// Lower bounds do not hold under these settings or for this input.
    #[error(
        "lower bounds need tied ends, symmetric1 steps, squared Euclidean or Manhattan distance, and no missing values"
    )]
    NotBounded,
    /// An envelope is made for queries of one length.
    #[error("the query has {found} frames, the envelope was made for {expected}")]
    FrameCount {
        /// Frames that the envelope was made for.
        expected: usize,
        /// Frames of the query.
        found: usize,
    },
    /// Averages and groups need series.
    #[error("there are no series; give at least one")]
    NoSeries,
    /// One of several series cannot be used; the source says why.
    #[error("series {idx} cannot be used")]
    Series {
        /// 0-based position among the series.
        idx: usize,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// One weight per series.
    #[error("{found} weights for {expected} series")]
    SeriesWeightCount {
        /// Series there are.
        expected: usize,
        /// Weights given.
        found: usize,
    },
    /// References that are averaged have the same keyframes.
    #[error("its keyframes are {found}, those of the first one {expected}; give all the same ones")]
    KeyframeNames {
        /// Keyframes of the first.
        expected: String,
        /// Keyframes found.
        found: String,
    },
    /// There are at least as many series as groups, and at least one group.
    #[error("{num_clusters} groups of {num_series} series; ask for 1 to {num_series}")]
    ClusterCount {
        /// Groups asked for.
        num_clusters: usize,
        /// Series there are.
        num_series: usize,
    },
    /// The request would need more memory than the limit set.
    #[error(
        "keeping the path of {query} x {reference} frames needs {bytes} bytes, more than the limit of {limit}"
    )]
    TooLarge {
        /// Query frames.
        query: usize,
        /// Reference frames.
        reference: usize,
        /// Bytes needed.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
}
