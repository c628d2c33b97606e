//! A process killed at any moment leaves its last complete checkpoint, and the run goes on from there as if nothing had been.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use grpo::checkpoint::Checkpoints;
use grpo::loss::LossConfig;
use grpo::metrics::Event;
use grpo::optim::OptimConfig;
use grpo::{RewardSum, Schedule, Stop, Trainer, TrainerConfig};

use super::support::{Accuracy, Bandit, Table, bits};

const DIR: &str = "GRPO_TEST_KILL_DIR";
const NUM_STEPS: u64 = 400;

fn trainer() -> Trainer<Table, Bandit> {
    let mut config =
        TrainerConfig::new(LossConfig::grpo(), OptimConfig::new(Schedule::cosine(0.05, 0.1)));
    config.num_steps = NUM_STEPS;
    config.prompts_per_step = 1;
    config.num_generations = 4;
    config.keep.every = 1;
    Trainer::new(
        config,
        Table::new(2, 4),
        Bandit,
        vec![vec![2, 1], vec![3, 3]],
        RewardSum::of(Accuracy),
    )
    .unwrap()
}

fn resume_and_run(dir: &Path) -> Trainer<Table, Bandit> {
    let mut trainer = trainer().with_checkpoints(dir).unwrap();
    trainer.resume().unwrap();
    trainer.run(&Stop::default(), &mut |_: &Event<'_>| Ok(())).unwrap();
    trainer
}

/// Not a test by itself: the process that is killed.
#[test]
#[ignore = "started by the test below"]
fn child() {
    if let Some(dir) = std::env::var_os(DIR) {
        resume_and_run(&PathBuf::from(dir));
    }
}

#[test]
fn a_kill_never_loses_the_last_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(dir.path()).unwrap();
    let newest = || checkpoints.steps().unwrap().last().copied().unwrap_or(0);
    let mut kills = 0;
    for pause_ms in [1, 7, 13, 20, 29, 3, 11, 17] {
        let before = newest();
        if before == NUM_STEPS {
            break;
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child", "--ignored"])
            .env(DIR, dir.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while newest() <= before && Instant::now() < deadline {
            sleep(Duration::from_millis(2));
        }
        sleep(Duration::from_millis(pause_ms));
        let known = newest();
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        kills += 1;
        assert!(known > before, "the child got on");
        let (step, files) = checkpoints.read(None).unwrap(); // complete, by its checksums
        assert!(step >= known, "step {step} after {known} was there");
        assert_eq!(files.len(), 3);
    }
    assert!(kills >= 3, "{kills} kills");
    let killed = resume_and_run(dir.path());
    let mut straight = trainer();
    straight.run(&Stop::default(), &mut |_: &Event<'_>| Ok(())).unwrap();
    assert_eq!(bits(killed.policy()), bits(straight.policy()), "as if nothing had been");
    assert_eq!(checkpoints.steps().unwrap(), [NUM_STEPS - 1, NUM_STEPS]);
}
