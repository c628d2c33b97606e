use grpo::{Environment, MediaRule, Outcome, Reply, Result, Role, Segment, Trajectory};

/// Ends a turn.
pub(crate) const END: u32 = 1;
/// Asks for the secret.
const ASK: u32 = 2;
/// Tokens there are: padding, end, ask, four secrets, two marks of the environment.
pub(crate) const VOCAB_SIZE: usize = 9;
/// Tokens a trajectory may have.
pub(crate) const MAX_TOKENS: usize = 24;

/// A secret token to be named. It can be guessed, one time in four, or asked for first, with a tool.
#[derive(Debug)]
pub(crate) struct Secrets;

impl Environment for Secrets {
    type Task = u32;
    type Media = ();
    /// Times it was asked.
    type State = usize;

    fn reset(&self, _secret: &u32) -> Result<(Trajectory, usize)> {
        Ok((Trajectory::new(Segment::text([0, 7]), MediaRule::default(), MAX_TOKENS)?, 0))
    }

    fn step(&self, secret: &u32, asked: &mut usize, trajectory: &Trajectory) -> Result<Reply<()>> {
        let (_, turn) = &trajectory.parts()[trajectory.parts().len() - 1];
        if trajectory.ids()[turn.start] != ASK {
            return Ok(Reply::Done);
        }
        *asked += 1;
        Ok(Reply::Continue(Segment::text([8, *secret])))
    }

    fn outcome(&self, secret: &u32, asked: usize, trajectory: &Trajectory) -> Result<Outcome> {
        let (role, turn) = &trajectory.parts()[trajectory.parts().len() - 1];
        let turn = &trajectory.ids()[turn.clone()];
        Ok(Outcome {
            accuracy: f64::from(u8::from(*role == Role::Policy && turn[0] == *secret)),
            format_valid: *role == Role::Policy && turn.ends_with(&[END]),
            num_tool_calls: asked,
            ..Outcome::default()
        })
    }

    fn task_name(&self, secret: &u32) -> String {
        format!("secret {secret}")
    }
}
