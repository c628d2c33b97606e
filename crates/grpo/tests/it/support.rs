use burn::Tensor;
use burn::module::{Module, ModuleVisitor, Param, ParamGroup};
use burn::tensor::{Device, Int, TensorData};
use grpo::loss::LossConfig;
use grpo::optim::OptimConfig;
use grpo::toy::{ToyPolicy, ToyPolicyConfig};
use grpo::{
    Environment, Outcome, Policy, Reply, Result, SampleRequest, Schedule, Scores, Segment,
    TrainerConfig, Trajectory, Turn, draw,
};

pub(crate) fn device() -> Device {
    Device::flex().autodiff()
}

/// A bandit's policy: a table of logits for each place of the answer, whatever the prompt.
#[derive(Module, Debug)]
pub(crate) struct Table {
    logits: Param<Tensor<2>>, // [places, vocab]
}

impl Table {
    pub(crate) fn new(places: usize, vocab: usize) -> Self {
        Self { logits: Param::from_tensor(Tensor::zeros([places, vocab], &device())) }
    }

    fn rows(&self, count: usize) -> Tensor<3> {
        self.logits.val().unsqueeze::<3>().repeat_dim(0, count)
    }
}

impl Policy for Table {
    type Media = ();

    fn sample(
        &self,
        requests: &mut [SampleRequest<'_, ()>],
        temperature: f64,
    ) -> Result<Vec<Turn>> {
        let [places, vocab] = self.logits.dims();
        let all =
            burn::tensor::activation::log_softmax(self.logits.val().div_scalar(temperature), 1);
        let all: Vec<f32> = all.into_data().iter::<f32>().collect();
        let write = |request: &mut SampleRequest<'_, ()>| {
            let mut turn = Turn { ids: Vec::new(), logps: Vec::new(), truncated: false };
            for place in 0..places {
                let logps = &all[place * vocab..(place + 1) * vocab];
                let token = draw(logps, request.rng)?;
                turn.ids.push(token as u32);
                turn.logps.push(logps[token].min(0.0));
            }
            Ok(turn)
        };
        requests.iter_mut().map(write).collect()
    }

    fn score(&self, rows: &[&Trajectory], temperature: f64) -> Result<Scores> {
        let places = self.logits.dims()[0];
        let ids: Vec<i64> = rows.iter().flat_map(|row| row.policy_ids()).map(i64::from).collect();
        let ids = Tensor::<2, Int>::from_data(
            TensorData::new(ids, [rows.len(), places]),
            &self.logits.device(),
        );
        Ok(Scores::from_logits(self.rows(rows.len()), ids, temperature))
    }
}

/// A table whose base is frozen, with an adapter beside it: the shape of low-rank adaptation.
#[derive(Module, Debug)]
pub(crate) struct Adapted {
    base: Table,
    adapter: Table,
}

impl Adapted {
    pub(crate) fn new(places: usize, vocab: usize, base: f32) -> Self {
        let base =
            Tensor::<1>::from_floats([base], &device()).unsqueeze::<2>().repeat(&[places, vocab]);
        let base = Table { logits: Param::from_tensor(base) }.freeze();
        Self { base, adapter: Table::new(places, vocab) }
    }

    fn whole(&self) -> Table {
        Table { logits: Param::from_tensor(self.base.logits.val() + self.adapter.logits.val()) }
    }
}

impl Policy for Adapted {
    type Media = ();

    fn sample(
        &self,
        requests: &mut [SampleRequest<'_, ()>],
        temperature: f64,
    ) -> Result<Vec<Turn>> {
        self.whole().sample(requests, temperature)
    }

    fn score(&self, rows: &[&Trajectory], temperature: f64) -> Result<Scores> {
        let places = self.base.logits.dims()[0];
        let ids: Vec<i64> = rows.iter().flat_map(|row| row.policy_ids()).map(i64::from).collect();
        let ids = Tensor::<2, Int>::from_data(
            TensorData::new(ids, [rows.len(), places]),
            &self.base.logits.device(),
        );
        Ok(Scores::from_logits(
            self.base.rows(rows.len()) + self.adapter.rows(rows.len()),
            ids,
            temperature,
        ))
    }

    fn without_adapter(&self) -> Option<Self> {
        let zeros = self.adapter.logits.val().zeros_like();
        Some(Self { base: self.base.clone(), adapter: Table { logits: Param::from_tensor(zeros) } })
    }

    fn saved_params(&self) -> ParamGroup {
        ParamGroup::from_predicate("adapter")
    }
}

/// Pays the share of places that hold the task's token.
#[derive(Debug)]
pub(crate) struct Bandit;

impl Environment for Bandit {
    type Task = Vec<u32>;
    type Media = ();
    type State = ();

    fn reset(&self, _task: &Vec<u32>) -> Result<(Trajectory, ())> {
        Ok((Trajectory::from_text([0])?, ()))
    }

    fn step(
        &self,
        _task: &Vec<u32>,
        _state: &mut (),
        _trajectory: &Trajectory,
    ) -> Result<Reply<()>> {
        Ok(Reply::Done)
    }

    fn outcome(&self, task: &Vec<u32>, _state: (), trajectory: &Trajectory) -> Result<Outcome> {
        let ids = trajectory.policy_ids();
        let right = task.iter().zip(&ids).filter(|(wanted, found)| wanted == found).count();
        Ok(Outcome {
            accuracy: right as f64 / task.len() as f64,
            format_valid: true,
            ..Outcome::default()
        })
    }
}

/// Values a rollout by its accuracy.
#[derive(Debug)]
pub(crate) struct Accuracy;

impl grpo::Reward for Accuracy {
    fn name(&self) -> &str {
        "accuracy"
    }

    fn score(&self, rollout: &grpo::reward::Finished<'_>) -> Result<f64> {
        Ok(rollout.outcome.accuracy)
    }
}

pub(crate) const END: u32 = 1;
pub(crate) const ASK: u32 = 2;

/// Two turns: the policy may ask (token 2), is then told the answer, and should write it. Tasks are answers 3 to 6.
#[derive(Debug)]
pub(crate) struct AskFirst;

impl Environment for AskFirst {
    type Task = u32;
    type Media = ();
    type State = usize; // calls

    fn reset(&self, _task: &u32) -> Result<(Trajectory, usize)> {
        Ok((Trajectory::new(Segment::text([0, 7, 0]), grpo::MediaRule::default(), 24)?, 0))
    }

    fn step(&self, task: &u32, calls: &mut usize, trajectory: &Trajectory) -> Result<Reply<()>> {
        let (_, last) = &trajectory.parts()[trajectory.parts().len() - 1];
        if trajectory.ids()[last.clone()].contains(&ASK) {
            *calls += 1;
            return Ok(Reply::Continue(Segment::text([8, *task, 8])));
        }
        Ok(Reply::Done)
    }

    fn outcome(&self, task: &u32, calls: usize, trajectory: &Trajectory) -> Result<Outcome> {
        let (role, last) = &trajectory.parts()[trajectory.parts().len() - 1];
        let right = *role == grpo::Role::Policy && trajectory.ids()[last.start] == *task;
        let accuracy = f64::from(u8::from(right));
        let hard = task.is_multiple_of(2);
        Ok(Outcome {
            accuracy,
            format_valid: !trajectory.truncated(),
            num_tool_calls: calls,
            num_frames: 3 * calls,
            base_model_fails: Some(hard),
            ..Outcome::default()
        })
    }

    fn task_name(&self, task: &u32) -> String {
        format!("answer {task}")
    }
}

pub(crate) fn toy_policy(seed: u64) -> ToyPolicy {
    let device = device();
    device.seed(seed);
    ToyPolicyConfig::new(9, 24, END).with_hidden_size(16).init(&device)
}

/// Small rollouts of [`AskFirst`].
pub(crate) fn ask_first_config(loss: LossConfig) -> TrainerConfig {
    let mut config = TrainerConfig::new(loss, OptimConfig::new(Schedule::cosine(3e-3, 0.1)));
    config.num_generations = 4;
    config.prompts_per_step = 3;
    config.num_steps = 6;
    config.micro_batch_size = 5;
    config.rollout.max_turn_tokens = 4;
    config.rollout.max_turns = 3;
    config.rollout.max_completion_tokens = 16;
    config
}

/// All weights of a module, bit for bit.
pub(crate) fn bits<M: Module>(module: &M) -> Vec<u32> {
    struct Bits(Vec<u32>);
    impl ModuleVisitor for Bits {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.extend(param.val().into_data().iter::<f32>().map(f32::to_bits));
        }
    }
    let mut bits = Bits(Vec::new());
    module.visit(&mut bits);
    bits.0
}
