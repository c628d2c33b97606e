use crate::policy::{rng, shuffle};

/// The order of tasks over endless epochs, each shuffled anew: a function of seed and place, so that a place is all a checkpoint
/// needs.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    seed: u64,
    num_tasks: usize,
    /// The epoch last asked for, and its order.
    epoch: Option<(u64, Vec<usize>)>,
}

const ORDER_STREAM: u64 = u64::MAX; // prompts, numbered from 0, have the streams below

impl Order {
    /// `num_tasks` must not be 0.
    pub(crate) fn new(seed: u64, num_tasks: usize) -> Self {
        Self { seed, num_tasks, epoch: None }
    }

    /// The task of prompt number `prompt_idx`.
    pub(crate) fn task(&mut self, prompt_idx: u64) -> usize {
        let num_tasks = self.num_tasks as u64;
        let (epoch, place) = (prompt_idx / num_tasks, (prompt_idx % num_tasks) as usize);
        match &self.epoch {
            Some((known, order)) if *known == epoch => order[place],
            _ => {
                let mut order: Vec<_> = (0..self.num_tasks).collect();
                shuffle(&mut order, &mut rng(self.seed, ORDER_STREAM, epoch));
                let task = order[place];
                self.epoch = Some((epoch, order));
                task
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_has_every_task_once_in_another_order() {
        let mut order = Order::new(3, 50);
        let epoch = |order: &mut Order, number: u64| {
            (0..50).map(|at| order.task(number * 50 + at)).collect::<Vec<_>>()
        };
        let (first, second) = (epoch(&mut order, 0), epoch(&mut order, 1));
        assert_ne!(first, second);
        assert_eq!(epoch(&mut order, 0), first);
        for mut tasks in [first, second] {
            tasks.sort_unstable();
            assert_eq!(tasks, (0..50).collect::<Vec<_>>());
        }
    }
}
