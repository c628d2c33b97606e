use super::KnowledgeBase;

/// A file's name and text.
macro_rules! file {
    ($name:literal) => {
        ($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge/", $name)))
    };
}

/// The files that come with the crate.
const FILES: &[(&str, &str)] = &[
    file!("standing_long_jump.toml"),
    file!("countermovement_jump.toml"),
    file!("drop_jump.toml"),
    file!("squat.toml"),
    file!("sit_to_stand.toml"),
    file!("running.toml"),
    file!("walking.toml"),
    file!("kick.toml"),
    file!("pitch.toml"),
    file!("free_throw.toml"),
    file!("sprint_start.toml"),
    file!("sprint_acceleration.toml"),
    file!("sprint_max_velocity.toml"),
    file!("sprint_late.toml"),
];

impl KnowledgeBase {
    /// The knowledge that comes with the crate, one base per event.
    ///
    /// # Panics
    ///
    /// Never: a test reads every file.
    #[must_use]
    pub fn shipped() -> Vec<KnowledgeBase> {
        FILES
            .iter()
            .map(|(name, text)| {
                Self::from_toml(text, name).expect("shipped knowledge is well formed")
            })
            .collect()
    }
}
