//! From a recipe to a trained model: demonstrations first, then rewards, then figures.

mod recipe; // what is to be done
mod start; // who learns, before the first step
mod lessons; // from what
mod measure; // how well it went
mod estimate; // what it will take
mod run; // all of it
mod ablation; // ways of training, side by side

pub use ablation::{FIRST_STEPS, Row, Variant};
pub use measure::{Figures, Measured};
pub use recipe::{
    EvaluationRecipe, Files, Hardware, Lesson, LoraRecipe, ModelRecipe, Precision, Questions,
    Recipe, RewardRecipe, RlRecipe, SftRecipe, Sizes, Start,
};
pub use run::Run;
