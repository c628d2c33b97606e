use std::collections::BTreeMap;

use burn::module::Module;
use grpo::metrics::Event;
use grpo::optim::OptimConfig;
use grpo::sft::{PackedModel, PackedRow, SftConfig, SftTrainer, Shard, pack};
use grpo::{MediaItem, MediaRule, Policy, Schedule, Segment, Stop, Trajectory};
use proptest::prelude::*;

use super::support::{bits, toy_policy};

/// "What comes after n?" with an observation between question and answer.
fn example(first: u32) -> Trajectory {
    let mut example = Trajectory::from_text([0, first]).unwrap();
    example.append_demonstration([2]).unwrap();
    example.append_observation(Segment::text([8, 8])).unwrap();
    let answer: Vec<u32> =
        if first.is_multiple_of(2) { vec![first + 1, 1] } else { vec![first + 1, first, 1] };
    example.append_demonstration(answer).unwrap();
    example
}

pub(crate) fn shards() -> Vec<Shard<()>> {
    let shard = |name: &str, of: &[u32], num_epochs| Shard {
        name: name.into(),
        examples: of.iter().map(|first| example(*first)).collect(),
        num_epochs,
    };
    vec![shard("even", &[2, 4, 6, 4], 8), shard("all", &[2, 3, 4, 5, 6], 40)]
}

fn config() -> SftConfig {
    SftConfig {
        seed: 3,
        max_row_tokens: 20,
        rows_per_step: 2,
        micro_batch_size: 2,
        optim: OptimConfig::new(Schedule::cosine(2e-2, 0.03)),
        schedule_per_shard: false,
        eval_every: 5,
        keep: grpo::checkpoint::KeepConfig { every: 3, last: 1, best: Some("eval/score".into()) },
    }
}

fn trainer(config: SftConfig, seed: u64) -> SftTrainer<grpo::toy::ToyPolicy> {
    SftTrainer::new(config, toy_policy(seed), shards(), vec![example(3), example(6)]).unwrap()
}

/// A row of several trajectories scores each as if it were alone: attention and positions stay within segments.
#[test]
fn packed_segments_do_not_see_each_other() {
    let (model, examples) = (toy_policy(1).valid(), [2, 3, 5].map(example));
    let row = PackedRow::new(examples.iter().collect());
    let packed: Vec<f32> =
        model.score_packed(std::slice::from_ref(&row)).unwrap().into_data().iter::<f32>().collect();
    for (example, start) in examples.iter().zip(row.cu_seqlens()) {
        let alone: Vec<f32> =
            model.score(&[example], 1.0).unwrap().logps.into_data().iter::<f32>().collect();
        let within = &packed[start + example.prompt_len()..start + example.ids().len()];
        for (packed, alone) in within.iter().zip(&alone) {
            assert!((packed - alone).abs() < 2e-6, "{packed} {alone}"); // f32 sums over other lengths
        }
    }
    let losses: Vec<_> =
        row.loss_mask().iter().zip(row.ids()).filter(|(own, _)| **own).map(|(_, id)| id).collect();
    assert_eq!(
        losses,
        [2, 3, 1, 2, 4, 3, 1, 2, 6, 5, 1],
        "answers and calls, not questions and observations"
    );
    assert_eq!(row.position_ids()[7], [0; 3]);
    assert_eq!(row.segment_ids()[6..9], [0, 1, 1]);
}

#[test]
fn media_move_with_their_segment() {
    let rule = MediaRule { placeholder_ids: vec![9], merge_size: 1 };
    let item = MediaItem { tokens: 1..3, grid_thw: [1, 1, 2], payload: 7u8 };
    let one = Trajectory::new(
        Segment { ids: vec![4, 9, 9], media: vec![item], positions: None },
        rule,
        10,
    )
    .unwrap();
    let media = PackedRow::new(vec![&one, &one]).media();
    assert_eq!([media[0].tokens.clone(), media[1].tokens.clone()], [1..3, 4..6]);
}

#[test]
fn a_curriculum_is_learned_and_evaluated() {
    let mut trainer = trainer(config(), 1);
    let held_out = [example(3), example(6)];
    let before = trainer.evaluate(&held_out).unwrap();
    assert!((before - 9f64.ln()).abs() < 1.0, "near chance, ln 9: {before}");
    let (mut evaluated, mut shard) = (BTreeMap::new(), Vec::new());
    let mut observe = |event: &Event<'_>| {
        if let Event::Step { step, metrics, .. } = event {
            evaluated.extend(metrics.get("eval/loss").map(|loss| (*step, *loss)));
            shard.push(metrics["shard"]);
        }
        Ok(())
    };
    trainer.run(&Stop::default(), &mut observe).unwrap();
    assert!(
        shard.is_sorted() && shard[0] == 0.0 && shard.last() == Some(&1.0),
        "shards in order: {shard:?}"
    );
    assert!(
        evaluated.contains_key(&5) && evaluated.contains_key(&trainer.num_steps()),
        "{evaluated:?}"
    );
    let after = trainer.evaluate(&held_out).unwrap();
    assert!(after < 0.3, "{after}");
    assert!(trainer.step().is_err(), "all steps are done");
}

#[test]
fn loss_and_gradient_do_not_depend_on_the_micro_batch_size() {
    let step =
        |micro_batch_size| trainer(SftConfig { micro_batch_size, ..config() }, 1).step().unwrap();
    let (one, all) = (step(1), step(2));
    for name in ["loss", "grad_norm"] {
        assert!((one[name] - all[name]).abs() < 1e-5, "{name}: {} {}", one[name], all[name]);
    }
}

#[test]
fn the_step_after_a_resume_is_bit_equal() {
    let dir = tempfile::tempdir().unwrap();
    let mut straight = trainer(config(), 1).with_checkpoints(dir.path()).unwrap();
    for _ in 0..7 {
        straight.step().unwrap();
    }
    straight.save().unwrap();
    let mut resumed = trainer(config(), 55).with_checkpoints(dir.path()).unwrap();
    assert_eq!(resumed.resume().unwrap(), Some(7));
    for _ in 0..3 {
        let (one, other) = (straight.step().unwrap(), resumed.step().unwrap());
        assert_eq!((one["loss"], one["grad_norm"]), (other["loss"], other["grad_norm"]));
        assert_eq!(bits(straight.model()), bits(resumed.model()));
    }
    let mut other = trainer(SftConfig { rows_per_step: 3, ..config() }, 1)
        .with_checkpoints(dir.path())
        .unwrap();
    assert!(
        other
            .resume()
            .unwrap_err()
            .to_string()
            .ends_with("made with other settings of rows_per_step")
    );
}

#[test]
fn the_rate_warms_up_and_falls() {
    let schedule = Schedule::cosine(1.0, 0.1);
    let rates: Vec<f64> = (0..100).map(|update| schedule.rate(update, 100)).collect();
    assert!((rates[0] - 0.1).abs() < 1e-12 && (rates[9] - 1.0).abs() < 1e-12 && rates[10] == 1.0);
    assert!((rates[55] - 0.5).abs() < 1e-12, "half way down after half of the 90: {}", rates[55]);
    assert!(
        rates[10..].is_sorted_by(|one, next| one >= next)
            && rates[99] < 1e-3
            && schedule.rate(500, 100) < 1e-12
    );
    assert_eq!(Schedule::constant(0.3).rate(7, 10), 0.3);
}

proptest! {
    #[test]
    fn packing_loses_nothing_and_overflows_nowhere(lengths in prop::collection::vec(1usize..40, 0..50), capacity in 40usize..90) {
        let rows = pack(&lengths, capacity).unwrap();
        let mut all: Vec<_> = rows.iter().flatten().copied().collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
        for row in &rows {
            prop_assert!(row.iter().map(|idx| lengths[*idx]).sum::<usize>() <= capacity);
        }
        // First-fit leaves at most one row less than half full.
        let half_empty = rows.iter().filter(|row| 2 * row.iter().map(|idx| lengths[*idx]).sum::<usize>() < capacity).count();
        prop_assert!(half_empty <= 1);
        prop_assert!(pack(&[capacity + 1], capacity).is_err());
    }
}
