//! From recipes to models that learned something.

use std::path::Path;

use burn::module::Module as _;
use deepsport::agent::{Agent, Mode};
use deepsport::data::{Media, open_media, write_records};
use deepsport::distill::Demonstration;
use deepsport::local::NetworkPolicy;
use deepsport::training::{
    Files, LoraRecipe, Measured, Precision, Questions, Recipe, Run, Variant,
};
use deepsport::world::{Expert, World, WorldConfig};
use deepsport_model::processor::ProcessorSettings;
use grpo::metrics::Event;
use grpo::sft::{PackedModel as _, PackedRow};
use grpo::trainer::Ended;
use grpo::{Environment as _, Policy as _, Stop};

/// Between one f32 path through a network in two shapes of batch; the largest difference allowed to a log-probability.
const ROUNDING: f32 = 1e-5;

fn recipe(name: &str) -> Recipe {
    Recipe::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes").join(name)).unwrap()
}

/// The toy recipe for the impatient: two sports, one kind of question, a narrow network.
fn small() -> Recipe {
    recipe("toy-smoke.toml")
}

fn values(tensor: burn::Tensor<2>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn policy(run: &Run<'_>) -> NetworkPolicy {
    run.first_policy().unwrap()
}

#[test]
fn recipes_that_ship_are_recipes() {
    for name in ["toy.toml", "toy-long.toml", "toy-smoke.toml", "deepsport-7b.toml"] {
        let recipe = recipe(name);
        let written = toml::to_string(&recipe).unwrap();
        assert_eq!(toml::from_str::<Recipe>(&written).unwrap(), recipe, "{name}");
    }
    // The paper's settings, arXiv:2511.12908.
    let recipe = recipe("deepsport-7b.toml");
    let trainer = recipe.rl.unwrap().trainer;
    assert_eq!((trainer.prompts_per_step, trainer.num_generations), (32, 8));
    assert_eq!((trainer.num_steps, trainer.rollout.max_completion_tokens), (300, 12_800));
    assert_eq!(recipe.agent.policy.initial_frames, 8);
}

#[test]
fn a_slip_of_the_pen_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("slip.toml");
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/toy.toml"),
    )
    .unwrap();
    let at = text.lines().position(|line| line.starts_with("num_generations")).unwrap();
    std::fs::write(&path, text.replace("num_generations", "num_generation")).unwrap();
    let message = Recipe::read(&path).unwrap_err().to_string();
    assert!(message.contains(&format!("line {}", at + 1)), "{message}");
    assert!(message.contains("num_generation") && message.contains("slip.toml"), "{message}");
}

#[test]
fn demonstrations_side_by_side_score_as_they_do_alone() {
    let recipe = small();
    let run = Run::new(&recipe, 0);
    let policy = policy(&run).valid();
    let demonstrations = run.demonstrations(5).unwrap();
    let rows = [
        PackedRow::new(demonstrations[..3].iter().collect()),
        PackedRow::new(demonstrations[3..].iter().collect()),
    ];
    let packed = policy.score_packed(&rows).unwrap();
    let [num_rows, width] = packed.dims();
    assert_eq!((num_rows, width), (2, rows[0].num_tokens().max(rows[1].num_tokens())));
    let packed = values(packed);
    let mut num_compared = 0;
    for (row_idx, row) in rows.iter().enumerate() {
        for (segment, start) in row.segments().iter().zip(row.cu_seqlens()) {
            let alone = values(policy.score(&[segment], 1.0).unwrap().logps);
            for (place, token) in segment.completion().enumerate() {
                let beside = packed[row_idx * width + start + token];
                assert!((beside - alone[place]).abs() <= ROUNDING, "{beside} {}", alone[place]);
                num_compared += 1;
            }
        }
    }
    assert!(num_compared > 100, "{num_compared}");
}

#[test]
fn runs_of_two_seeds_and_measuring_share_no_clip() {
    let recipe = small();
    let Questions::Toy(world) = &recipe.questions else { panic!("a toy recipe") };
    let ids = |seed| -> Vec<String> {
        let run = Run::new(&recipe, seed);
        run.questions().unwrap().iter().map(|task| task.record().video_id.clone()).collect()
    };
    let held_out = Run::new(&recipe, 0).held_out().unwrap();
    assert!(held_out[0].record().video_id.starts_with(&format!("toy-{}-", world.seed)));
    let (first, second) = (ids(0), ids(1));
    assert!(first.iter().all(|id| !second.contains(id)));
    let trained = |id: &String| first.contains(id) || second.contains(id);
    assert!(!held_out.iter().any(|task| trained(&task.record().video_id)));
}

#[test]
fn without_the_tool_a_guess_is_made() {
    let recipe = small();
    let run = Run::new(&recipe, 0);
    let policy = policy(&run);
    let tasks = run.held_out().unwrap();
    let outcomes = run.measure(&policy, &tasks[..8], Mode::Think).unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.num_tool_calls == 0 && outcome.num_frames == 8));
    let environment = run.environment(&policy, Mode::Think).unwrap();
    assert_eq!(environment.task_name(&tasks[0]), tasks[0].record().id);
}

/// What training is for. With seeds 0 to 3 the mean reward of the last ten steps is above that of the first ten by 0.06, 0.19, 0.05
/// and 0.10; two of them together, since arithmetic that rounds otherwise takes another way through chance.
#[test]
fn demonstrations_and_rewards_teach() {
    const REWARD_RISES_BY: f64 = 0.02;
    let recipe = small();
    let rises = [0, 1].map(|seed| {
        let run = Run::new(&recipe, seed);
        let (losses, model) = learn_from_demonstrations(&run);
        let (first, last) = ends(&losses);
        assert!(last < 0.1 * first, "seed {seed}: loss {first:.3} -> {last:.3}");
        let mut rl = run.rl(model, None).unwrap();
        let steps = 0..recipe.rl.as_ref().unwrap().trainer.num_steps;
        let rewards: Vec<f64> = steps.map(|_| rl.step().unwrap().metrics["reward/mean"]).collect();
        let outcomes = run.measure(rl.policy(), &run.held_out().unwrap(), Mode::Tool).unwrap();
        assert!(Measured::of(&outcomes).all.invalid_format < 0.2);
        let (first, last) = ends(&rewards);
        last - first
    });
    assert!(rises.iter().sum::<f64>() / 2.0 > REWARD_RISES_BY, "rewards rise by {rises:.3?}");
}

fn learn_from_demonstrations(run: &Run<'_>) -> (Vec<f64>, NetworkPolicy) {
    let mut sft = run.sft(policy(run)).unwrap();
    let mut losses = Vec::new();
    while sft.num_steps_done() < sft.num_steps() {
        losses.push(sft.step().unwrap()["loss"]);
    }
    (losses, sft.into_model())
}

/// Means of the first ten and of the last ten.
fn ends(values: &[f64]) -> (f64, f64) {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    (mean(&values[..10]), mean(&values[values.len() - 10..]))
}

#[test]
fn devices_share_the_work_and_change_nothing_but_rounding() {
    let mut one = small();
    let trainer = &mut one.sft.as_mut().unwrap().trainer;
    (trainer.rows_per_step, trainer.micro_batch_size) = (4, 1);
    let mut two = one.clone();
    two.model.num_devices = std::num::NonZeroUsize::new(2).unwrap();
    let (one, two) = (Run::new(&one, 0), Run::new(&two, 0));
    let policy = policy(&one);
    let step = |run: &Run<'_>| run.sft(policy.clone()).unwrap().step().unwrap();
    let (alone, shared) = (step(&one), step(&two));
    for name in ["loss", "grad_norm"] {
        let gap = (alone[name] - shared[name]).abs() / alone[name];
        assert!(gap < f64::from(ROUNDING), "{name}: {gap}");
    }
}

#[test]
fn variants_are_named_alike_everywhere() {
    for variant in Variant::ALL {
        assert_eq!(variant.name().parse::<Variant>().unwrap(), variant);
        assert_eq!(serde_json::to_value(variant).unwrap(), variant.name());
        assert_eq!(variant.reward().is_none(), variant == Variant::SftOnly);
    }
    assert!("sft".parse::<Variant>().unwrap_err().to_string().contains("sft_only"));
}

/// A data set on disk, as real ones are: videos, records, what a teacher did; and a checkpoint folder.
fn on_disk(dir: &Path) -> Recipe {
    let world = World::new(WorldConfig::default()).unwrap();
    let (mut records, mut taught) = (Vec::new(), Vec::new());
    std::fs::create_dir_all(dir.join("media")).unwrap();
    for item in world.items(0..4) {
        let name = format!("{}.png", item.id);
        item.clip.write_png(&dir.join("media").join(&name)).unwrap();
        let record = item.record(Media::Video(name.into()));
        let video = open_media(&record, &dir.join("media")).unwrap();
        let trajectory = Agent::new().run(&video, &record.prompt(), &mut Expert::new(&item));
        taught.push(Demonstration { record: record.clone(), trajectory: trajectory.unwrap() });
        records.push(record);
    }
    Demonstration::write_all(&dir.join("demonstrations.jsonl"), &taught).unwrap();
    write_records(&dir.join("questions.jsonl"), &records).unwrap();

    let tiny = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deepsport-model/tests/fixtures/qwen2_5_vl_tiny/untied_f32");
    let model = dir.join("tiny");
    std::fs::create_dir_all(&model).unwrap();
    for file in std::fs::read_dir(tiny).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), model.join(file.file_name())).unwrap();
    }
    ProcessorSettings::default().save(&model).unwrap();

    let mut recipe = recipe("deepsport-7b.toml").started_from(model);
    recipe.questions = Questions::Files(Files {
        demonstrations: dir.join("demonstrations.jsonl"),
        questions: dir.join("questions.jsonl"),
        held_out: dir.join("questions.jsonl"),
        media: dir.join("media"),
    });
    recipe.model.precision = Precision::F32;
    let sft = recipe.sft.as_mut().unwrap();
    sft.curriculum.truncate(1);
    (sft.curriculum[0].dimensions, sft.curriculum[0].num_epochs) = (Vec::new(), 8);
    (sft.trainer.rows_per_step, sft.trainer.optim.schedule.peak) = (1, 3e-3);
    let trainer = &mut recipe.rl.as_mut().unwrap().trainer;
    (trainer.prompts_per_step, trainer.num_generations) = (1, 2);
    (trainer.num_steps, trainer.rollout.max_turn_tokens) = (1, 8);
    recipe
}

/// The recipe of the published model, with a tiny one in its place: what a teacher did on real files is learned, in adapters and
/// in all weights, and so is what is tried.
#[test]
fn files_and_a_checkpoint_are_trained_on() {
    let dir = tempfile::tempdir().unwrap();
    let whole = on_disk(dir.path());
    let mut adapted = whole.clone();
    adapted.model.lora =
        Some(LoraRecipe { rank: 4, alpha: 8.0, target_modules: vec!["q_proj".into()] });
    for recipe in [whole, adapted] {
        let run = Run::new(&recipe, 0);
        let mut sft = run.sft(policy(&run)).unwrap();
        let mut losses = Vec::new();
        while sft.num_steps_done() < sft.num_steps() {
            losses.push(sft.step().unwrap()["loss"]);
        }
        let (first, last) = (losses[0], losses[losses.len() - 1]);
        assert!(last < first, "{losses:?}");
        let saved = dir.path().join("trained");
        run.save(sft.model(), &saved).unwrap();

        let after = recipe.clone().started_from(&saved);
        let run = Run::new(&after, 0);
        let mut rl = run.rl(policy(&run), None).unwrap();
        let report = rl.step().unwrap();
        assert_eq!(report.rollouts.len(), 2);
        assert!(report.rollouts[0].media.len() >= 8, "the first look is 8 frames");
        assert!(
            report.metrics["sampling/mismatch_kl"].abs() < 1e-5,
            "one network, one distribution"
        );
    }
}

#[test]
fn all_that_a_folder_lacks_is_named_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = small().started_from(dir.path());
    let error = Run::new(&recipe, 0).first_policy().unwrap_err().to_string();
    let expected = "lacks config.json, model.safetensors, tokenizer.json, preprocessor_config.json";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn random_weights_need_the_toy_world() {
    let dir = tempfile::tempdir().unwrap();
    let mut recipe = on_disk(dir.path());
    recipe.model.start = small().model.start;
    assert!(recipe.check().unwrap_err().to_string().contains("checkpoint"));
}

#[test]
#[cfg(not(feature = "cuda"))]
fn gpus_need_a_program_that_was_built_for_them() {
    let mut recipe = small();
    recipe.model.device = deepsport::training::Hardware::Cuda;
    let error = recipe.check().unwrap_err().to_string();
    assert!(error.contains("model.device") && error.contains("--features cuda"), "{error}");
}

/// As burn writes it: every weight, bit for bit.
fn weights(policy: &NetworkPolicy) -> Vec<u32> {
    let mut all = Vec::new();
    policy.network().for_each_weight(&mut |weight| {
        all.extend(weight.values.iter().map(|value| value.to_bits()));
    });
    all
}

#[test]
fn a_run_that_was_interrupted_goes_on_bit_for_bit() {
    let mut recipe = small();
    let sft = recipe.sft.as_mut().unwrap();
    (sft.curriculum[0].num_items, sft.trainer.keep.every) = (40, 2);
    let trainer = &mut recipe.rl.as_mut().unwrap().trainer;
    (trainer.num_steps, trainer.prompts_per_step, trainer.keep.every) = (2, 1, 1);
    let run = Run::new(&recipe, 7);

    let mut whole = run.sft(policy(&run)).unwrap();
    assert!(whole.num_steps() >= 3, "{}", whole.num_steps());
    whole.run(&Stop::default(), &mut |_: &Event<'_>| Ok(())).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let stop = Stop::default();
    let mut cut = run.sft(policy(&run)).unwrap().with_checkpoints(dir.path()).unwrap();
    let asked = stop.clone();
    let after_one = &mut |event: &Event<'_>| {
        if let Event::Step { step: 1, .. } = event {
            asked.request();
        }
        Ok(())
    };
    assert_eq!(cut.run(&stop, after_one).unwrap(), Ended::Stopped);
    // Another process: other random weights, until those of the checkpoint take their place.
    let other = Run::new(&recipe, 7);
    let mut resumed = other.sft(policy(&other)).unwrap().with_checkpoints(dir.path()).unwrap();
    assert_eq!(resumed.resume().unwrap(), Some(1));
    resumed.run(&Stop::default(), &mut |_: &Event<'_>| Ok(())).unwrap();
    assert_eq!(weights(resumed.model()), weights(whole.model()));

    let model = resumed.into_model();
    let mut whole = run.rl(model.clone(), None).unwrap();
    whole.step().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut cut = run.rl(model.clone(), None).unwrap().with_checkpoints(dir.path()).unwrap();
    cut.step().unwrap();
    cut.save().unwrap();
    let mut resumed = run.rl(model, None).unwrap().with_checkpoints(dir.path()).unwrap();
    assert_eq!(resumed.resume().unwrap(), Some(1));
    whole.step().unwrap();
    resumed.step().unwrap();
    assert_eq!(weights(resumed.policy()), weights(whole.policy()));
}
