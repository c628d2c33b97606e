//! The model as a policy: what it sampled is what it is scored as.

use burn::module::Module;
use burn::tensor::Device;
use deepsport::Difficulty;
use deepsport::agent::{Agent, Wording};
use deepsport::local::{NetworkPolicy, SeenPixels, VideoEnvironment, VideoTask, Words};
use deepsport::report::{rollout_log, rollouts_page};
use deepsport::world::{Expert, World, WorldConfig};
use deepsport_model::processor::{Picture, Processor, ProcessorSettings};
use deepsport_model::{Init, ModelConfig, Network};
use grpo::loss::{LossConfig, Mismatch};
use grpo::metrics::TrajectoryLog;
use grpo::optim::OptimConfig;
use grpo::reward::GatedToolUse;
use grpo::{
    Environment, MediaItem, MediaRule, Outcome, Policy, Reply, RewardSum, SampleRequest, Schedule,
    Segment, Stop, Trainer, TrainerConfig, Trajectory, Turn,
};
use rand_pcg::Pcg64;
use serde_json::json;

const IMAGE: u32 = 7;
const END: u32 = 2;
/// Between two f32 paths through one network; the largest difference allowed to a log-probability.
const ROUNDING: f64 = 1e-5;

fn config() -> ModelConfig {
    config_of(40)
}

fn config_of(vocab_size: usize) -> ModelConfig {
    ModelConfig::from_json(&json!({
        "model_type": "qwen2_5_vl", "image_token_id": IMAGE, "video_token_id": 8,
        "vision_start_token_id": 5, "vision_end_token_id": 6, "vocab_size": vocab_size,
        "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "max_position_embeddings": 512,
        "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]}, "tie_word_embeddings": false,
        "vision_config": {
            "depth": 2, "hidden_size": 32, "intermediate_size": 40, "num_heads": 2, "out_hidden_size": 32,
            "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 112,
            "fullatt_block_indexes": [1], "tokens_per_second": 2, "in_chans": 3
        }
    }))
    .unwrap()
}

fn policy(device: &Device) -> NetworkPolicy {
    NetworkPolicy::new(Network::init(&config(), &Init::new(device)), END, vec![39])
}

/// A frame of 56 x 56 between its brackets: 4 placeholders.
fn shown(shade: u8, words: &[u32]) -> Segment<SeenPixels> {
    let rgb = (0..56 * 56 * 3).map(|at| shade.wrapping_add((at % 97) as u8)).collect();
    let picture = Picture::from_rgb8(56, 56, rgb).unwrap();
    let processor = Processor::new(ProcessorSettings::default()).unwrap();
    let pixels = processor.picture(&picture).unwrap();
    let tokens = pixels.num_tokens(2);
    let grid_thw = pixels.grid.map(|side| side as u32);
    let mut ids = words.to_vec();
    ids.push(5);
    let start = ids.len();
    ids.extend(std::iter::repeat_n(IMAGE, tokens));
    ids.extend([6, 3]);
    let media = vec![MediaItem { tokens: start..start + tokens, grid_thw, payload: pixels.into() }];
    Segment { ids, media, positions: None }
}

fn sample(policy: &NetworkPolicy, rows: &[Trajectory<SeenPixels>], seed: u64) -> Vec<Turn> {
    let mut generators: Vec<_> =
        (0..rows.len()).map(|row| Pcg64::new(u128::from(seed), row as u128)).collect();
    let mut requests: Vec<_> = rows
        .iter()
        .zip(&mut generators)
        .enumerate()
        .map(|(row, (trajectory, rng))| SampleRequest {
            trajectory,
            max_new_tokens: 6 + row % 3,
            rng,
        })
        .collect();
    policy.sample(&mut requests, 1.0).unwrap()
}

/// Two prompts with a picture, three rollouts each, two turns with a tool's answer (words and a picture) between.
fn rollouts(policy: &NetworkPolicy) -> Vec<Trajectory<SeenPixels>> {
    let prompt =
        |shade| Trajectory::new(shown(shade, &[1, 10, 11]), policy.media_rule(), 512).unwrap();
    let mut rows: Vec<_> = [20, 140].into_iter().flat_map(|shade| vec![prompt(shade); 3]).collect();
    for turn in 0..2_u8 {
        let turns = sample(policy, &rows, u64::from(turn));
        for (idx, (row, sampled)) in rows.iter_mut().zip(&turns).enumerate() {
            row.append_turn(sampled).unwrap();
            if turn == 0 {
                row.append_observation(shown(60 + idx as u8, &[12])).unwrap();
            }
        }
    }
    rows
}

fn scored(policy: &NetworkPolicy, rows: &[Trajectory<SeenPixels>]) -> Mismatch {
    let scores = policy.score(&rows.iter().collect::<Vec<_>>(), 1.0).unwrap();
    let [_, width] = scores.logps.dims();
    let values: Vec<f32> = scores.logps.into_data().iter::<f32>().collect();
    let compared: Vec<_> = rows
        .iter()
        .zip(values.chunks(width))
        .map(|(row, values)| {
            let completion = row.completion();
            let trainer = &values[..completion.len()];
            (trainer, &row.logps()[completion.clone()], &row.policy_mask()[completion])
        })
        .collect();
    Mismatch::of(compared, None).unwrap()
}

#[test]
fn what_was_sampled_is_scored_alike() {
    let device = Device::flex();
    let trained = policy(&device.clone().autodiff());
    let sampler = trained.valid();
    let rows = rollouts(&sampler);
    let mismatch = scored(&sampler, &rows);
    assert!(mismatch.num_tokens > 40, "{mismatch:?}");
    assert!(mismatch.max_abs_gap <= ROUNDING, "{mismatch:?}");
    assert!(mismatch.kl.abs() <= ROUNDING && mismatch.kl_k3 <= ROUNDING * ROUNDING, "{mismatch:?}");

    // With gradients it is the same policy.
    assert!(scored(&trained, &rows).max_abs_gap <= ROUNDING);

    // Another network is not, and that is seen.
    let other = NetworkPolicy::new(Network::init(&config(), &Init::new(&device)), END, vec![]);
    assert!(scored(&other, &rows).kl_k3 > 1e-4);
}

#[test]
fn a_rollout_does_not_depend_on_its_batch() {
    let policy = policy(&Device::flex());
    let prompt = Trajectory::new(shown(20, &[1, 10, 11]), policy.media_rule(), 512).unwrap();
    let other = Trajectory::new(shown(90, &[1, 10, 11, 12]), policy.media_rule(), 512).unwrap();
    // Two with the same past and one with another, which is read beside them.
    let together = sample(&policy, &[prompt.clone(), other, prompt.clone()], 5);
    let alone = sample(&policy, &[prompt], 5);
    assert_eq!(together[0].ids, alone[0].ids);
    assert_ne!(together[0].ids, together[2].ids, "every rollout has chance of its own");
    let gap = |(a, b): (&f32, &f32)| f64::from((a - b).abs());
    let gaps = together[0].logps.iter().zip(&alone[0].logps).map(gap);
    assert!(gaps.fold(0.0, f64::max) <= ROUNDING);
}

#[test]
fn turns_end_and_hold_nothing_forbidden() {
    let policy = policy(&Device::flex());
    let prompt = Trajectory::new(shown(20, &[1, 10, 11]), policy.media_rule(), 512).unwrap();
    for seed in 0..20 {
        for (row, turn) in sample(&policy, &vec![prompt.clone(); 3], seed).iter().enumerate() {
            assert!(!turn.ids.iter().any(|id| [IMAGE, 8, 39].contains(id)));
            assert!((1..=6 + row).contains(&turn.ids.len()));
            assert_eq!(turn.truncated, turn.ids.last() != Some(&END));
            assert_eq!(
                turn.ids.iter().filter(|id| **id == END).count(),
                usize::from(!turn.truncated)
            );
        }
    }
}

#[test]
fn trajectories_survive_being_written() {
    let rows = rollouts(&policy(&Device::flex()));
    let written = serde_json::to_string(&rows[0]).unwrap();
    let read: Trajectory<SeenPixels> = serde_json::from_str(&written).unwrap();
    assert_eq!((read.ids(), read.logps()), (rows[0].ids(), rows[0].logps()));
    let pixels = |row: &Trajectory<SeenPixels>| row.media()[1].payload.pixels().unwrap();
    assert_eq!(pixels(&read), pixels(&rows[0]));
}

/// What the expert does for an item, said in tokens to the environment.
fn expert_rollout(
    environment: &VideoEnvironment,
    item: &deepsport::world::Item,
) -> (Trajectory<SeenPixels>, Outcome) {
    let task = VideoTask::toy(item.clone()).unwrap();
    let script = Agent::training()
        .with_wording(Wording::Toy)
        .run(&item.clip.video().unwrap(), &item.question.text, &mut Expert::new(item))
        .unwrap();
    let (mut trajectory, mut state) = environment.reset(&task).unwrap();
    for turn in &script.turns {
        let mut ids = environment.words().tokenizer().encode(&format!(" {}", turn.text)).unwrap();
        ids.push(environment.words().tokenizer().special().im_end);
        trajectory.append_demonstration(ids).unwrap();
        match environment.step(&task, &mut state, &trajectory).unwrap() {
            Reply::Continue(shown) => trajectory.append_observation(shown).unwrap(),
            Reply::Done => break,
        }
    }
    let outcome = environment.outcome(&task, state, &trajectory).unwrap();
    (trajectory, outcome)
}

#[test]
fn the_expert_is_right_in_tokens_too() {
    let config = WorldConfig::default();
    let rule = MediaRule {
        placeholder_ids: vec![Words::toy(&config).unwrap().tokenizer().special().image_pad],
        merge_size: 2,
    };
    let environment = VideoEnvironment::new(
        Agent::training().with_wording(Wording::Toy),
        Words::toy(&config).unwrap(),
        rule,
        512,
    );
    let world = World::new(config).unwrap();
    for item in world.items(0..24) {
        let (trajectory, outcome) = expert_rollout(&environment, &item);
        let calls = usize::from(item.difficulty == Difficulty::Hard);
        assert_eq!((outcome.accuracy, outcome.format_valid), (1.0, true), "{}", item.id);
        assert_eq!((outcome.num_tool_calls, outcome.num_failed_calls), (calls, 0), "{}", item.id);
        assert_eq!(trajectory.media().len(), outcome.num_frames, "a token for every frame shown");
        let shown = &trajectory.media()[0];
        let first = Picture::from_rgb8(28, 28, item.clip.rgb(0)).unwrap();
        let pixels = environment.words().processor().picture(&first).unwrap();
        assert_eq!(*shown.payload.pixels().unwrap(), pixels);
        assert_eq!(shown.grid_thw.map(|side| side as usize), pixels.grid);
        assert_eq!(outcome.base_model_fails, Some(calls == 1));
        assert!(trajectory.ids().len() <= 130, "{} tokens", trajectory.ids().len());
        // The whole conversation, rendered at once, has the ids that grew turn by turn.
        let text = environment.words().tokenizer().decode(trajectory.ids());
        assert_eq!(environment.words().tokenizer().encode(&text).unwrap(), trajectory.ids());
    }
}

#[test]
fn what_cannot_be_read_ends_a_rollout() {
    let config = WorldConfig::default();
    let words = Words::toy(&config).unwrap();
    let special = *words.tokenizer().special();
    let rule = MediaRule { placeholder_ids: vec![special.image_pad], merge_size: 2 };
    let agent = Agent::training().with_wording(Wording::Toy);
    let environment = VideoEnvironment::new(agent, words, rule, 512);
    let task = VideoTask::toy(World::new(config).unwrap().item(3)).unwrap();
    let (mut trajectory, mut state) = environment.reset(&task).unwrap();
    trajectory.append_demonstration(vec![special.im_end]).unwrap();
    assert!(matches!(environment.step(&task, &mut state, &trajectory).unwrap(), Reply::Done));
    let outcome = environment.outcome(&task, state, &trajectory).unwrap();
    assert_eq!((outcome.accuracy, outcome.format_valid, outcome.num_frames), (0.0, false, 8));
}

/// A step of real training, logged, read back and shown.
#[test]
fn a_training_log_becomes_a_page() {
    let config = WorldConfig::default();
    let words = Words::toy(&config).unwrap();
    let special = *words.tokenizer().special();
    let mut network = config_of(words.tokenizer().len());
    (network.image_token_id, network.video_token_id) = (special.image_pad, special.video_pad);
    let forbidden = words.tokenizer().forbidden(network.text.vocab_size);
    let network = Network::init(&network, &Init::new(&Device::flex().autodiff()));
    let policy = NetworkPolicy::new(network, special.im_end, forbidden);
    let agent = Agent::training().with_wording(Wording::Toy);
    let environment = VideoEnvironment::new(agent, words, policy.media_rule(), 512);
    let world = World::new(config).unwrap();
    let tasks = world.items(0..2).map(|item| VideoTask::toy(item).unwrap()).collect();
    let mut settings =
        TrainerConfig::new(LossConfig::grpo(), OptimConfig::new(Schedule::constant(1e-4)));
    (settings.prompts_per_step, settings.num_generations, settings.num_steps) = (2, 2, 1);
    settings.rollout.max_turn_tokens = 4;
    let rewards = RewardSum::of(GatedToolUse::default());
    let mut trainer = Trainer::new(settings, policy, environment, tasks, rewards).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rollouts.jsonl");
    let mut log = TrajectoryLog::open(&path, 0, 1).unwrap();
    trainer.run(&Stop::default(), &mut log).unwrap();

    let log = rollout_log(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(log.len(), 4);
    let page = rollouts_page("Toy run", &log).unwrap();
    assert_eq!(page.matches("<article").count(), 4);
    assert!(page.contains("toy-0-0") && page.contains("toy-0-1") && page.contains("the policy"));
    assert!(page.contains("|im_start|") && !page.contains("<|im_start|>"), "words are escaped");
    assert_eq!(page.matches("What was asked").count(), 2, "once for each group");
    assert!(!page.contains("image_pad") && !page.contains("sampled at step"));
    assert!(rollout_log("{}").is_err());
}
