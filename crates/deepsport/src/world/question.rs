//! What is asked about a toy clip, and what the rules answer.

use serde::{Deserialize, Serialize};

use super::sport::{Outcome, Sport};
use crate::Dimension;

/// A question whose answer follows from the decisive event by the sport's rules.
///
/// All words are few and lower case, so that a vocabulary of some dozen words holds them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Question {
    /// What is asked for.
    pub dimension: Dimension,
    /// Sport and question, such as `soccer : who touched last ?`.
    pub text: String,
    /// The answers that are possible, in an order that does not depend on the right one.
    pub options: Vec<String>,
    /// The right one of them.
    pub answer: String,
}

/// Points on basketball's board before the shot: none to three.
pub(super) const MAX_SCORE: u8 = 3;
/// What a basket counts in the toy world, which knows no arc.
const BASKET_POINTS: u8 = 2;

impl Question {
    /// The question of `dimension` about a clip in which `outcome` happened and `score` stood before.
    pub(super) fn new(sport: Sport, dimension: Dimension, outcome: Outcome, score: u8) -> Self {
        let mut options: Vec<String> = Vec::new();
        for possible in sport.all_outcomes() {
            let answer = answer(sport, dimension, possible, score);
            if !options.contains(&answer) {
                options.push(answer);
            }
        }
        let text = format!("{} : {}", sport.name(), asked(sport, dimension));
        Self { dimension, text, options, answer: answer(sport, dimension, outcome, score) }
    }

    /// Probability of guessing right.
    #[must_use]
    pub fn chance(&self) -> f64 {
        1.0 / self.options.len() as f64
    }

    /// 1 for the right answer, 0 for any other; spaces and upper case do not count.
    #[must_use]
    pub fn reward(&self, answer: &str) -> f64 {
        let plain = |text: &str| {
            text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
        };
        f64::from(u8::from(plain(answer) == plain(&self.answer)))
    }
}

fn asked(sport: Sport, dimension: Dimension) -> &'static str {
    use Dimension::{Coaching, Commentary, Recognition, Rules};
    match (sport, dimension) {
        (_, Commentary) => "commentary ?",
        (Sport::Soccer, Recognition) => "who touched last ?",
        (Sport::Soccer, Rules) => "whose throw ?",
        (Sport::Tennis, Recognition) => "where did it land ?",
        (Sport::Tennis | Sport::TableTennis, Rules) => "whose point ?",
        (Sport::TableTennis, Recognition) => "how many bounces ?",
        (Sport::Fencing, Recognition) => "whose light came first ?",
        (Sport::Fencing, Rules) => "score of blue ?",
        (Sport::Basketball, Recognition) => "did it go in ?",
        (Sport::Basketball, Rules) => "score at the end ?",
        (Sport::Soccer | Sport::Tennis | Sport::Basketball, Coaching) => "advice to red ?",
        (Sport::TableTennis | Sport::Fencing, Coaching) => "advice to blue ?",
    }
}

fn answer(sport: Sport, dimension: Dimension, outcome: Outcome, score: u8) -> String {
    let of = |answers: &[&str]| answers[outcome.index()].to_owned();
    use Dimension::{Coaching, Commentary, Recognition, Rules};
    match (sport, dimension) {
        (Sport::TableTennis, Recognition) => of(&["1", "2"]),
        (Sport::Basketball, Recognition) => of(&["yes", "no"]),
        (_, Recognition) => of(sport.outcomes()),
        (Sport::Soccer, Rules) => of(&["blue", "red"]), // the throw-in is the others'
        (Sport::Soccer, Coaching) => of(&["control", "press"]),
        (Sport::Soccer, Commentary) => {
            of(&["red touches last , throw blue", "blue touches last , throw red"])
        }
        (Sport::Tennis, Rules) => of(&["red", "blue", "blue"]), // red hit the ball
        (Sport::Tennis, Coaching) => of(&["hold", "softer", "straighter"]),
        (Sport::Tennis, Commentary) => {
            of(&["in , point red", "long , point blue", "wide , point blue"])
        }
        (Sport::TableTennis, Rules) => of(&["nobody", "red"]), // played in time: the rally goes on
        (Sport::TableTennis, Coaching) => of(&["hold", "sooner"]),
        (Sport::TableTennis, Commentary) => of(&["1 bounce , play on", "2 bounces , point red"]),
        (Sport::Fencing, Rules) => of(&["0", "1", "1"]), // both together: a touch for each
        (Sport::Fencing, Coaching) => of(&["sooner", "hold", "guard"]),
        (Sport::Fencing, Commentary) => of(&["touch red", "touch blue", "double touch"]),
        (Sport::Basketball, Rules) => final_score(outcome, score).to_string(),
        (Sport::Basketball, Coaching) => of(&["hold", "softer"]),
        (Sport::Basketball, Commentary) => {
            format!("{} , score {}", sport.outcomes()[outcome.index()], final_score(outcome, score))
        }
    }
}

fn final_score(outcome: Outcome, score: u8) -> u8 {
    if outcome.index() == 0 { score + BASKET_POINTS } else { score }
}
