use std::fmt;

use crate::{Error, Joint, Result, Side, SignalUnit};

/// What can be measured on a skeleton: the angles and lengths that an assessment speaks of.
///
/// Included angles are 180 when straight. *Ahead*, *forward* are along the athlete's own facing direction
/// ([`SkeletonSeries::facing`](crate::SkeletonSeries::facing)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    /// Included angle hip-knee-ankle, degrees.
    Knee(Side),
    /// Included angle shoulder-hip-knee, degrees.
    Hip(Side),
    /// Included angle knee-ankle-toe, degrees.
    Ankle(Side),
    /// Included angle shoulder-elbow-wrist, degrees.
    Elbow(Side),
    /// Included angle hip-shoulder-elbow, degrees: 0 with the arm along the trunk, 180 overhead.
    Shoulder(Side),
    /// Inclination of the thigh from vertical in the sagittal plane, degrees, knee ahead of hip positive.
    Thigh(Side),
    /// Inclination of the shank from vertical in the sagittal plane, degrees, knee ahead of ankle positive.
    Shank(Side),
    /// 180 minus the included angle hip-knee-ankle in the frontal plane, degrees, knee inside the hip-ankle line
    /// positive; unmeasured while thigh or shank is more than 80 degrees from hanging straight down.
    KneeValgus(Side),
    /// Horizontal distance of the ankle ahead of the mid-hip, leg lengths.
    FootAhead(Side),
    /// Inclination of the line from the toe to the mid-hip from vertical in the sagittal plane, degrees, hips ahead of
    /// the toe positive: how far the push off that foot leans.
    PushLine(Side),
    /// Height of the wrist above the shoulder of that side, leg lengths.
    WristHeight(Side),
    /// Height of the toe of that side above the ground of [`Measure::ToeHeight`], leg lengths.
    ToeClearance(Side),
    /// Inclination of mid-hip to mid-shoulder from vertical in the sagittal plane, degrees, forward positive.
    Trunk,
    /// Inclination of the trunk in the frontal plane, degrees, towards the athlete's right positive.
    TrunkSide,
    /// Height of the mid-hip above the lower ankle, leg lengths.
    HipHeight,
    /// Height of the mid-hip above the ground, leg lengths. The ground is where the lower foot is most of the time, see
    /// [`Measure::ToeHeight`].
    PelvisHeight,
    /// Height of the lower toe above the ground, leg lengths; the ground is the 5th percentile of the lower toe's height
    /// over the recording (ours, after the rule that labels contacts of the shared recordings).
    ToeHeight,
    /// Sideways distance of the mid-hip from the middle between the ankles, towards the athlete's right positive, leg
    /// lengths: which leg carries more.
    PelvisShift,
    /// Separation of the knees over separation of the ankles, both along the athlete's left-right axis.
    KneeGap,
    /// Separation of the ankles along the athlete's left-right axis, leg lengths.
    StanceWidth,
}

/// In which projection a measure lives, hence which camera hides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plane {
    /// Seen from the side (included angles too: flexion happens in this plane).
    Sagittal,
    /// Seen from the front or back.
    Frontal,
    /// Heights, the same from everywhere.
    Vertical,
}

impl Measure {
    /// Reads a measure by its name; `side` is ignored by the measures that have none.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMeasure`], or [`Error::MeasureNeedsSide`] if the measure has sides and none was given.
    pub fn parse(name: &str, side: Option<Side>) -> Result<Measure> {
        let found = Measure::all()
            .into_iter()
            .find(|m| m.name() == name && (m.side().is_none() || m.side() == side));
        if let Some(measure) = found {
            return Ok(measure);
        }
        match Measure::all().into_iter().find(|m| m.name() == name) {
            Some(measure) => Err(Error::MeasureNeedsSide { name: measure.name() }),
            None => {
                let mut expected: Vec<_> = Measure::all().into_iter().map(Measure::name).collect();
                expected.dedup();
                Err(Error::UnknownMeasure { name: name.to_owned(), expected: expected.join(", ") })
            }
        }
    }

    /// Name without the side: `knee`, `trunk`, `foot_ahead`.
    #[must_use]
    pub fn name(self) -> &'static str {
        use Measure::*;
        match self {
            Knee(_) => "knee",
            Hip(_) => "hip",
            Ankle(_) => "ankle",
            Elbow(_) => "elbow",
            Shoulder(_) => "shoulder",
            Thigh(_) => "thigh",
            Shank(_) => "shank",
            KneeValgus(_) => "knee_valgus",
            FootAhead(_) => "foot_ahead",
            PushLine(_) => "push_line",
            WristHeight(_) => "wrist_height",
            ToeClearance(_) => "toe_clearance",
            Trunk => "trunk",
            TrunkSide => "trunk_side",
            HipHeight => "hip_height",
            PelvisHeight => "pelvis_height",
            ToeHeight => "toe_height",
            PelvisShift => "pelvis_shift",
            KneeGap => "knee_gap",
            StanceWidth => "stance_width",
        }
    }

    /// Side of the measure; `None` for those of the whole body.
    #[must_use]
    pub fn side(self) -> Option<Side> {
        use Measure::*;
        match self {
            Knee(s) | Hip(s) | Ankle(s) | Elbow(s) | Shoulder(s) | Thigh(s) | Shank(s)
            | KneeValgus(s) | FootAhead(s) | PushLine(s) | WristHeight(s) | ToeClearance(s) => {
                Some(s)
            }
            Trunk | TrunkSide | HipHeight | PelvisHeight | ToeHeight | PelvisShift | KneeGap
            | StanceWidth => None,
        }
    }

    /// Every measure; those with sides left first.
    #[must_use]
    pub fn all() -> Vec<Measure> {
        use Measure::*;
        let sided = [
            Knee,
            Hip,
            Ankle,
            Elbow,
            Shoulder,
            Thigh,
            Shank,
            KneeValgus,
            FootAhead,
            PushLine,
            WristHeight,
            ToeClearance,
        ];
        let mut all: Vec<_> = sided.iter().flat_map(|f| Side::BOTH.map(f)).collect();
        all.extend([
            Trunk,
            TrunkSide,
            HipHeight,
            PelvisHeight,
            ToeHeight,
            PelvisShift,
            KneeGap,
            StanceWidth,
        ]);
        all
    }

    /// Unit of the values.
    #[must_use]
    pub fn unit(self) -> SignalUnit {
        use Measure::*;
        match self {
            FootAhead(_) | WristHeight(_) | ToeClearance(_) | HipHeight | PelvisHeight
            | ToeHeight | PelvisShift | StanceWidth => SignalUnit::LegLengths,
            KneeGap => SignalUnit::Ratio,
            _ => SignalUnit::Degrees,
        }
    }

    /// Joints it is computed from, in the order the formula takes them.
    #[must_use]
    pub fn joints(self) -> Vec<Joint> {
        use Joint as J;
        let both = |f: fn(Side) -> Joint| Side::BOTH.map(f);
        match self {
            Measure::Knee(s) | Measure::KneeValgus(s) => vec![J::Hip(s), J::Knee(s), J::Ankle(s)],
            Measure::Hip(s) => vec![J::Shoulder(s), J::Hip(s), J::Knee(s)],
            Measure::Ankle(s) => vec![J::Knee(s), J::Ankle(s), J::Toe(s)],
            Measure::Elbow(s) => vec![J::Shoulder(s), J::Elbow(s), J::Wrist(s)],
            Measure::Shoulder(s) => vec![J::Hip(s), J::Shoulder(s), J::Elbow(s)],
            Measure::Thigh(s) => vec![J::Hip(s), J::Knee(s)],
            Measure::Shank(s) => vec![J::Knee(s), J::Ankle(s)],
            Measure::FootAhead(s) => [&both(J::Hip)[..], &[J::Ankle(s)]].concat(),
            Measure::PushLine(s) => [&both(J::Hip)[..], &[J::Toe(s)]].concat(),
            Measure::WristHeight(s) => vec![J::Shoulder(s), J::Wrist(s)],
            Measure::ToeClearance(s) => vec![J::Toe(s)],
            Measure::Trunk | Measure::TrunkSide => [both(J::Hip), both(J::Shoulder)].concat(),
            Measure::HipHeight => [both(J::Hip), both(J::Ankle)].concat(),
            Measure::PelvisHeight => both(J::Hip).to_vec(),
            Measure::PelvisShift => [both(J::Hip), both(J::Ankle)].concat(),
            Measure::ToeHeight => both(J::Toe).to_vec(),
            Measure::KneeGap => [both(J::Knee), both(J::Ankle)].concat(),
            Measure::StanceWidth => both(J::Ankle).to_vec(),
        }
    }

    pub(crate) fn plane(self) -> Plane {
        use Measure::*;
        match self {
            KneeValgus(_) | TrunkSide | PelvisShift | KneeGap | StanceWidth => Plane::Frontal,
            WristHeight(_) | ToeClearance(_) | HipHeight | PelvisHeight | ToeHeight => {
                Plane::Vertical
            }
            _ => Plane::Sagittal,
        }
    }
}

/// `knee_left`, `trunk`.
impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.side() {
            Some(side) => f.pad(&format!("{}_{side}", self.name())),
            None => f.pad(self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_say_what_is_missing() {
        for measure in Measure::all() {
            assert_eq!(Measure::parse(measure.name(), measure.side()).unwrap(), measure);
        }
        assert_eq!(Measure::parse("trunk", Some(Side::Left)).unwrap(), Measure::Trunk);
        assert!(matches!(
            Measure::parse("knee", None),
            Err(Error::MeasureNeedsSide { name: "knee" })
        ));
        let unknown = Measure::parse("kneee", Some(Side::Left)).unwrap_err().to_string();
        assert!(unknown.contains("kneee") && unknown.contains("knee, hip"), "{unknown}");
    }
}
