//! The ten sources, each with the format that its authors publish.

mod facts; // classes of clips
mod fine_badminton; // strokes of a rally
mod fine_diving; // dives with scores
mod soccer_replay; // events with commentary
mod t3set; // comments of coaches

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::mapping::Mapping;
use super::rows::Loaded;
use crate::{Error, Result};

/// A published data set. Nothing of them is shipped: users bring their copies and keep to their licences.
///
/// DeepSport names ten sources in summaries only; that these are the ten is our reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// SPORTU-video, multiple choice (`SportU_Video_mc.json`).
    Sportu,
    /// SPORTU-video, open questions (`SportU_video_oe.json`).
    SportuOpen,
    /// SportR; schema not public, a mapping to correct.
    Sportr,
    /// Sports-QA; schema not public, a mapping to correct.
    SportsQa,
    /// SoccerBench of SoccerAgent.
    SoccerBench,
    /// SoccerReplay-1988, and SoccerNet-v2 and MatchTime in the shape of UniSoccer: events with commentary.
    SoccerReplay,
    /// X-VARS, SoccerNet-XFoul; a mapping to correct.
    Xfoul,
    /// FineDiving, its pickles turned into JSON.
    FineDiving,
    /// FineBadminton: rounds with their strokes.
    FineBadminton,
    /// T3Set: comments of coaches on rounds of table tennis.
    T3Set,
    /// FACTS: a class for each clip of fencing or boxing.
    Facts,
}

impl Source {
    /// All sources; SPORTU's two files are one data set.
    pub const ALL: [Self; 11] = [
        Self::Sportu,
        Self::SportuOpen,
        Self::Sportr,
        Self::SportsQa,
        Self::SoccerBench,
        Self::SoccerReplay,
        Self::Xfoul,
        Self::FineDiving,
        Self::FineBadminton,
        Self::T3Set,
        Self::Facts,
    ];

    /// One word in lower case, the first part of every id.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sportu => "sportu",
            Self::SportuOpen => "sportu_open",
            Self::Sportr => "sportr",
            Self::SportsQa => "sports_qa",
            Self::SoccerBench => "soccerbench",
            Self::SoccerReplay => "soccerreplay",
            Self::Xfoul => "xfoul",
            Self::FineDiving => "finediving",
            Self::FineBadminton => "finebadminton",
            Self::T3Set => "t3set",
            Self::Facts => "facts",
        }
    }

    /// The shipped mapping, for sources that are questions already.
    #[must_use]
    pub fn mapping_toml(self) -> Option<&'static str> {
        match self {
            Self::Sportu => Some(include_str!("../../../mappings/sportu.toml")),
            Self::SportuOpen => Some(include_str!("../../../mappings/sportu_open.toml")),
            Self::Sportr => Some(include_str!("../../../mappings/sportr.toml")),
            Self::SportsQa => Some(include_str!("../../../mappings/sports_qa.toml")),
            Self::SoccerBench => Some(include_str!("../../../mappings/soccerbench.toml")),
            Self::Xfoul => Some(include_str!("../../../mappings/xfoul.toml")),
            _ => None,
        }
    }

    /// Reads a source's file (T3Set: its folder), by `mapping` instead of the shipped one if given.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if it is not there, [`Error::Format`] if it is something else as a whole. Bad rows are no error: they
    /// are in [`Loaded::bad_rows`].
    pub fn load(self, path: &Path, mapping: Option<&Mapping>) -> Result<Loaded> {
        if let Some(mapping) = mapping {
            return mapping.load(path);
        }
        match self {
            Self::SoccerReplay => soccer_replay::load(path),
            Self::FineDiving => fine_diving::load(path),
            Self::FineBadminton => fine_badminton::load(path),
            Self::T3Set => t3set::load(path),
            Self::Facts => facts::load(path),
            Self::Sportu
            | Self::SportuOpen
            | Self::Sportr
            | Self::SportsQa
            | Self::SoccerBench
            | Self::Xfoul => {
                let shipped = self.mapping_toml().unwrap_or_default();
                let mapping: Mapping = toml::from_str(shipped).map_err(|error| Error::Format {
                    path: path.to_owned(),
                    source_name: self.name(),
                    reason: format!("the shipped mapping: {error}"),
                })?;
                mapping.load(path)
            }
        }
    }
}
