use std::ops::Range;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Error, Result};

/// What a picture or clip is to the policy: pixels, features, or a path to load them from. The crate never looks inside.
///
/// Rollouts that wait in a checkpoint are written with their media, so a light handle serves better than pixels.
/// `()` suits policies that read text only.
pub trait Media:
    Clone + Send + Sync + std::fmt::Debug + Serialize + DeserializeOwned + 'static
{
}
impl<T: Clone + Send + Sync + std::fmt::Debug + Serialize + DeserializeOwned + 'static> Media
    for T
{
}

/// Which token ids stand for media, and how many of them a grid makes.
///
/// The default has no placeholders: text only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaRule {
    /// Ids that may stand only where media is (`<|image_pad|>`, `<|video_pad|>`), and that a policy must never write.
    pub placeholder_ids: Vec<u32>,
    /// Patches per side that become one token; 2 in Qwen2.5-VL.
    pub merge_size: u32,
}

impl MediaRule {
    /// Tokens a grid of patches makes, `t * (h / merge) * (w / merge)`; `None` if the sides do not divide or a factor is 0.
    #[must_use]
    pub fn num_tokens(&self, [time, height, width]: [u32; 3]) -> Option<usize> {
        let merge = self.merge_size;
        if merge == 0
            || time == 0
            || height == 0
            || width == 0
            || height % merge != 0
            || width % merge != 0
        {
            return None;
        }
        (time as usize)
            .checked_mul((height / merge) as usize)?
            .checked_mul((width / merge) as usize)
    }
}

/// A picture or clip among the tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MediaItem<M> {
    /// The placeholder tokens it stands behind.
    pub tokens: Range<usize>,
    /// Patches: time, height, width.
    pub grid_thw: [u32; 3],
    /// What the policy makes of it.
    pub payload: M,
}

/// Tokens that did not come from the policy: a prompt, or a tool's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment<M = ()> {
    /// Token ids.
    pub ids: Vec<u32>,
    /// Media in order, with ranges counted from the segment's first token.
    pub media: Vec<MediaItem<M>>,
    /// Positions of the tokens (time, height, width), counted from the segment's first; `None` where position is place.
    pub positions: Option<Vec<[u32; 3]>>,
}

impl<M> Segment<M> {
    /// Plain text.
    #[must_use]
    pub fn text(ids: impl Into<Vec<u32>>) -> Self {
        Self { ids: ids.into(), media: Vec::new(), positions: None }
    }
}

/// One turn as the policy sampled it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Token ids, the end token included.
    pub ids: Vec<u32>,
    /// Their log-probabilities when sampled, at the sampling temperature.
    pub logps: Vec<f32>,
    /// Whether the turn ran into its length limit rather than ending by itself.
    pub truncated: bool,
}

/// Who wrote a stretch of a trajectory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The task, before the first turn.
    Prompt,
    /// The policy: these tokens carry loss.
    Policy,
    /// A tool's answer.
    Environment,
}

/// Everything one rollout read and wrote, as token ids.
///
/// Ids are the truth: nothing is ever decoded and encoded again. A trajectory holds only valid states. Each
/// [`append_turn`](Self::append_turn) or [`append_observation`](Self::append_observation) takes a part whole (tokens, media,
/// positions together) or returns an error and leaves the trajectory as it was; reading one from a file goes the same way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Record<M>", into = "Record<M>", bound = "M: Media")]
pub struct Trajectory<M: Media = ()> {
    rule: MediaRule,
    max_tokens: usize,
    ids: Vec<u32>,
    logps: Vec<f32>,
    policy_mask: Vec<bool>,
    positions: Option<Vec<[u32; 3]>>,
    media: Vec<MediaItem<M>>,
    parts: Vec<(Role, Range<usize>)>,
    truncated: bool,
}

impl<M: Media> Trajectory<M> {
    /// Starts with a prompt of text.
    ///
    /// # Errors
    ///
    /// [`Error::NoTokens`] for an empty prompt.
    pub fn from_text(ids: impl Into<Vec<u32>>) -> Result<Self> {
        Self::new(Segment::text(ids), MediaRule::default(), usize::MAX)
    }

    /// Starts with a prompt. `max_tokens` bounds the whole trajectory, prompt included.
    ///
    /// # Errors
    ///
    /// As [`append_observation`](Self::append_observation).
    pub fn new(prompt: Segment<M>, rule: MediaRule, max_tokens: usize) -> Result<Self> {
        let positions = prompt.positions.is_some().then(Vec::new);
        let mut new = Self {
            rule,
            max_tokens,
            ids: Vec::new(),
            logps: Vec::new(),
            policy_mask: Vec::new(),
            positions,
            media: Vec::new(),
            parts: Vec::new(),
            truncated: false,
        };
        if prompt.ids.is_empty() {
            return Err(Error::NoTokens("the prompt"));
        }
        new.append(prompt, Role::Prompt)?;
        Ok(new)
    }

    /// Appends what the policy wrote.
    ///
    /// # Errors
    ///
    /// If the turn is empty, has not one log-probability per token, a log-probability that is not finite or above 0, a
    /// media placeholder among its tokens, or does not fit. The trajectory is then unchanged.
    pub fn append_turn(&mut self, turn: &Turn) -> Result<()> {
        if turn.ids.is_empty() {
            return Err(Error::NoTokens("the policy's turn"));
        }
        beside("log-probabilities", turn.ids.len(), turn.logps.len())?;
        if let Some((idx, value)) =
            turn.logps.iter().enumerate().find(|(_, value)| !(value.is_finite() && **value <= 0.0))
        {
            return Err(Error::Logp { idx, value: *value });
        }
        if let Some((idx, token)) =
            turn.ids.iter().enumerate().find(|(_, id)| self.rule.placeholder_ids.contains(id))
        {
            return Err(Error::Placeholder {
                token: *token,
                idx,
                problem: "only media may write it, not the policy",
            });
        }
        self.check_room(turn.ids.len())?;

        // Text goes on after the largest position on any axis, by one on all three.
        let next = self.next_position();
        if let Some(positions) = &mut self.positions {
            positions.extend((0..turn.ids.len() as u32).map(|offset| [next + offset; 3]));
        }
        self.parts.push((Role::Policy, self.ids.len()..self.ids.len() + turn.ids.len()));
        self.ids.extend(&turn.ids);
        self.logps.extend(&turn.logps);
        self.policy_mask.resize(self.ids.len(), true);
        self.truncated |= turn.truncated;
        Ok(())
    }

    /// Appends a turn to learn from, written by a teacher: its tokens carry loss, their log-probabilities are unknown (0).
    ///
    /// # Errors
    ///
    /// As [`append_turn`](Self::append_turn).
    pub fn append_demonstration(&mut self, ids: impl Into<Vec<u32>>) -> Result<()> {
        let ids = ids.into();
        self.append_turn(&Turn { logps: vec![0.0; ids.len()], ids, truncated: false })
    }

    /// Appends a tool's answer, its tokens and its media together or not at all.
    ///
    /// # Errors
    ///
    /// If it is empty or does not fit, if a media's range, grid and placeholders disagree, if a placeholder has no media, or
    /// if positions are missing or unexpected. The trajectory is then unchanged.
    pub fn append_observation(&mut self, segment: Segment<M>) -> Result<()> {
        if segment.ids.is_empty() {
            return Err(Error::NoTokens("the observation"));
        }
        self.append(segment, Role::Environment)
    }

    fn append(&mut self, segment: Segment<M>, role: Role) -> Result<()> {
        self.check_media(&segment)?;
        match (&segment.positions, &self.positions) {
            (Some(_), None) => return Err(Error::Positions { found: "has", expected: "lacks" }),
            (None, Some(_)) => return Err(Error::Positions { found: "lacks", expected: "has" }),
            (Some(positions), Some(_)) => beside("positions", segment.ids.len(), positions.len())?,
            (None, None) => {}
        }
        self.check_room(segment.ids.len())?;

        let (start, next) = (self.ids.len(), self.next_position());
        if let (Some(positions), Some(new)) = (&mut self.positions, segment.positions) {
            positions.extend(new.into_iter().map(|axes| axes.map(|axis| next + axis)));
        }
        self.parts.push((role, start..start + segment.ids.len()));
        self.media.extend(segment.media.into_iter().map(|item| MediaItem {
            tokens: start + item.tokens.start..start + item.tokens.end,
            ..item
        }));
        self.ids.extend(segment.ids);
        self.logps.resize(self.ids.len(), 0.0);
        self.policy_mask.resize(self.ids.len(), false);
        Ok(())
    }

    fn check_room(&self, num_tokens: usize) -> Result<()> {
        let room = self.room();
        if num_tokens > room { Err(Error::TooLong { num_tokens, room }) } else { Ok(()) }
    }

    fn check_media(&self, segment: &Segment<M>) -> Result<()> {
        let (mut from, to) = (0, segment.ids.len());
        let is_placeholder = |id: &u32| self.rule.placeholder_ids.contains(id);
        let stray = |range: Range<usize>, wanted: bool, problem| match segment.ids[range.clone()]
            .iter()
            .position(|id| is_placeholder(id) != wanted)
        {
            Some(at) => Err(Error::Placeholder {
                token: segment.ids[range.start + at],
                idx: range.start + at,
                problem,
            }),
            None => Ok(()),
        };
        for (media_idx, item) in segment.media.iter().enumerate() {
            let Range { start, end } = item.tokens;
            if start < from || end < start || end > to {
                return Err(Error::MediaRange { media_idx, start, end, from, to });
            }
            let expected = self.rule.num_tokens(item.grid_thw);
            if expected != Some(end - start) {
                return Err(Error::MediaTokens {
                    media_idx,
                    grid_thw: item.grid_thw,
                    expected,
                    found: end - start,
                });
            }
            stray(from..start, false, "a placeholder without media")?;
            stray(start..end, true, "not a placeholder, but inside media")?;
            from = end;
        }
        stray(from..to, false, "a placeholder without media")
    }

    /// All token ids.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Which tokens the policy wrote; beside [`ids`](Self::ids).
    #[must_use]
    pub fn policy_mask(&self) -> &[bool] {
        &self.policy_mask
    }

    /// Log-probabilities when sampled; 0 on tokens the policy did not write. Beside [`ids`](Self::ids).
    #[must_use]
    pub fn logps(&self) -> &[f32] {
        &self.logps
    }

    /// Positions (time, height, width) beside [`ids`](Self::ids), where the prompt came with positions.
    #[must_use]
    pub fn positions(&self) -> Option<&[[u32; 3]]> {
        self.positions.as_deref()
    }

    /// Where the next text token stands: one past the largest position on any axis.
    #[must_use]
    pub fn next_position(&self) -> u32 {
        let largest = |all: &Vec<[u32; 3]>| all.iter().flatten().max().map_or(0, |at| at + 1);
        self.positions.as_ref().map_or(self.ids.len() as u32, largest)
    }

    /// Media in order, with ranges into [`ids`](Self::ids).
    #[must_use]
    pub fn media(&self) -> &[MediaItem<M>] {
        &self.media
    }

    /// Who wrote what, in order; the first is the prompt.
    #[must_use]
    pub fn parts(&self) -> &[(Role, Range<usize>)] {
        &self.parts
    }

    /// Tokens of the prompt.
    #[must_use]
    pub fn prompt_len(&self) -> usize {
        self.parts[0].1.end
    }

    /// Everything after the prompt, tool answers included: the columns of a loss.
    #[must_use]
    pub fn completion(&self) -> Range<usize> {
        self.prompt_len()..self.ids.len()
    }

    /// Ids the policy wrote, without tool answers.
    #[must_use]
    pub fn policy_ids(&self) -> Vec<u32> {
        self.ids.iter().zip(&self.policy_mask).filter_map(|(id, own)| own.then_some(*id)).collect()
    }

    /// Turns the policy took.
    #[must_use]
    pub fn num_turns(&self) -> usize {
        self.parts.iter().filter(|(role, _)| *role == Role::Policy).count()
    }

    /// Tokens that still fit.
    #[must_use]
    pub fn room(&self) -> usize {
        self.max_tokens - self.ids.len()
    }

    /// Whether a limit ended it rather than the policy.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// Notes that a limit ended it: turns, tokens or media.
    pub fn mark_truncated(&mut self) {
        self.truncated = true;
    }
}

fn beside(what: &'static str, num_tokens: usize, found: usize) -> Result<()> {
    if num_tokens == found { Ok(()) } else { Err(Error::Beside { what, num_tokens, found }) }
}

/// A trajectory as it is written: the parts it was built from, so that reading checks what building checks.
#[derive(Serialize, Deserialize)]
#[serde(bound = "M: Media")]
struct Record<M: Media> {
    rule: MediaRule,
    max_tokens: usize,
    prompt: Segment<M>,
    parts: Vec<Part<M>>,
    truncated: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(bound = "M: Media", rename_all = "snake_case")]
enum Part<M: Media> {
    Policy(Turn),
    Environment(Segment<M>),
}

impl<M: Media> TryFrom<Record<M>> for Trajectory<M> {
    type Error = Error;

    fn try_from(record: Record<M>) -> Result<Self> {
        let mut trajectory = Self::new(record.prompt, record.rule, record.max_tokens)?;
        for part in record.parts {
            match part {
                Part::Policy(turn) => trajectory.append_turn(&turn)?,
                Part::Environment(segment) => trajectory.append_observation(segment)?,
            }
        }
        trajectory.truncated = record.truncated;
        Ok(trajectory)
    }
}

impl<M: Media> From<Trajectory<M>> for Record<M> {
    fn from(from: Trajectory<M>) -> Self {
        let mut next = 0; // the position a part starts from
        let mut parts = from.parts.iter().map(|(role, range)| {
            let positions = from.positions.as_ref().map(|all| &all[range.clone()]);
            let start = next;
            next = positions
                .map_or(0, |some| next.max(some.iter().flatten().max().map_or(0, |at| at + 1)));
            if *role == Role::Policy {
                let (ids, logps) =
                    (from.ids[range.clone()].to_vec(), from.logps[range.clone()].to_vec());
                return Part::Policy(Turn { ids, logps, truncated: false });
            }
            let inside = |item: &&MediaItem<M>| {
                range.start <= item.tokens.start && item.tokens.end <= range.end
            };
            let local = |item: &MediaItem<M>| MediaItem {
                tokens: item.tokens.start - range.start..item.tokens.end - range.start,
                ..item.clone()
            };
            Part::Environment(Segment {
                ids: from.ids[range.clone()].to_vec(),
                media: from.media.iter().filter(inside).map(local).collect(),
                positions: positions
                    .map(|some| some.iter().map(|axes| axes.map(|axis| axis - start)).collect()),
            })
        });
        let prompt = match parts.next() {
            Some(Part::Environment(prompt)) => prompt,
            _ => unreachable!("a trajectory starts with its prompt"),
        };
        let parts = parts.collect();
        Self {
            rule: from.rule,
            max_tokens: from.max_tokens,
            prompt,
            parts,
            truncated: from.truncated,
        }
    }
}
