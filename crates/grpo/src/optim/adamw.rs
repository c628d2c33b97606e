//! AdamW in one pass over memory.

use burn::optim::{self, AdamWConfig, AdamWState, LearningRate, Optimizer};
use burn::tensor::{Device, Tensor};

/// burn's AdamW, and the same state. In single precision on the CPU it reads and writes each number once, on all cores;
/// burn's goes over weights, moments and gradients a dozen times, on one core.
#[derive(Clone)]
pub struct AdamW {
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    weight_decay: f32,
    /// For other devices and precisions.
    plain: optim::AdamW,
}

impl std::fmt::Debug for AdamW {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { beta_1, beta_2, epsilon, weight_decay, .. } = self;
        write!(f, "AdamW({beta_1}, {beta_2}, epsilon {epsilon}, decay {weight_decay})")
    }
}

impl AdamW {
    /// Decays of the means of gradients and of their squares, what is added to the root of the latter, and the decay of the
    /// weights, which is taken times the learning rate.
    #[must_use]
    pub fn new(beta_1: f32, beta_2: f32, epsilon: f32, weight_decay: f32) -> Self {
        let plain = AdamWConfig::new()
            .with_beta_1(beta_1)
            .with_beta_2(beta_2)
            .with_epsilon(epsilon)
            .with_weight_decay(weight_decay)
            .build();
        Self { beta_1, beta_2, epsilon, weight_decay, plain }
    }
}

impl Optimizer for AdamW {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<AdamWState<D>>,
    ) -> (Tensor<D>, Option<AdamWState<D>>) {
        #[cfg(feature = "flex")]
        if flex::serves(&tensor) && flex::serves(&grad) {
            let (tensor, state) = flex::step(self, lr, tensor, grad, state);
            return (tensor, Some(state));
        }
        self.plain.step(lr, tensor, grad, state)
    }

    fn to_device<const D: usize>(state: AdamWState<D>, device: &Device) -> AdamWState<D> {
        optim::AdamW::to_device(state, device)
    }
}

#[cfg(feature = "flex")]
mod flex {
    use burn::backend::Flex;
    use burn::backend::flex::FlexTensor;
    use burn::optim::{AdamWState, AdaptiveMomentumState};
    use burn::tensor::{DType, Device, Tensor, TensorData};
    use rayon::prelude::*;

    use super::AdamW;

    /// Numbers that one core takes at a time.
    const PIECE: usize = 64 * 1024;

    pub(super) fn serves<const D: usize>(x: &Tensor<D>) -> bool {
        x.dtype() == DType::F32 && !x.is_autodiff() && x.device() == Device::flex()
    }

    /// One step: with `m = b1 m + (1 - b1) g` and `v = b2 v + (1 - b2) g^2`, the weights become
    /// `w (1 - lr decay) - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)` (Loshchilov and Hutter 2019, algorithm 2).
    pub(super) fn step<const D: usize>(
        settings: &AdamW,
        lr: f64,
        weights: Tensor<D>,
        grad: Tensor<D>,
        state: Option<AdamWState<D>>,
    ) -> (Tensor<D>, AdamWState<D>) {
        let (time, means, squares) = match state.map(|state| state.momentum) {
            Some(momentum) => (momentum.time + 1, momentum.moment_1, momentum.moment_2),
            None => (1, grad.zeros_like(), grad.zeros_like()),
        };
        let [mut weights, mut means, mut squares] = [weights, means, squares].map(owned);
        let grad = owned(grad);
        let AdamW { beta_1, beta_2, epsilon, weight_decay, .. } = *settings;
        let left_1 = 1.0 / (1.0 - beta_1.powi(time as i32));
        let left_2 = 1.0 / (1.0 - beta_2.powi(time as i32));
        let kept = (1.0 - lr * f64::from(weight_decay)) as f32;
        let rate = lr as f32;
        let update = |weights: &mut [f32], means: &mut [f32], squares: &mut [f32], grad: &[f32]| {
            for (((weight, mean), square), grad) in
                weights.iter_mut().zip(means).zip(squares).zip(grad)
            {
                *mean = beta_1 * *mean + (1.0 - beta_1) * grad;
                *square = beta_2 * *square + (1.0 - beta_2) * grad * grad;
                let change = *mean * left_1 / ((*square * left_2).sqrt() + epsilon);
                *weight = kept * *weight - rate * change;
            }
        };
        let grad: &[f32] = grad.storage();
        let pieces = (
            weights.storage_mut::<f32>(),
            means.storage_mut::<f32>(),
            squares.storage_mut::<f32>(),
        );
        if grad.len() <= PIECE {
            update(pieces.0, pieces.1, pieces.2, grad);
        } else {
            pieces
                .0
                .par_chunks_mut(PIECE)
                .zip(pieces.1.par_chunks_mut(PIECE))
                .zip(pieces.2.par_chunks_mut(PIECE))
                .zip(grad.par_chunks(PIECE))
                .for_each(|(((weights, means), squares), grad)| {
                    update(weights, means, squares, grad)
                });
        }
        let tensor = |x| Tensor::from_primitive::<Flex>(x);
        let momentum = AdaptiveMomentumState::new(time, tensor(means), tensor(squares));
        (tensor(weights), AdamWState::new(momentum))
    }

    /// The numbers in row-major order, held by nobody else; copied only if they are not so yet.
    fn owned<const D: usize>(x: Tensor<D>) -> FlexTensor {
        let x = x.try_into_primitive::<Flex>().expect("a tensor that serves");
        let whole = Some((0, x.bytes().len() / size_of::<f32>()));
        if x.layout().contiguous_offsets() == whole && x.is_unique() {
            return x;
        }
        let x = x.to_contiguous();
        let shape = x.layout().shape().clone();
        let (start, end) = x.layout().contiguous_offsets().expect("made so");
        FlexTensor::from_data(TensorData::new(x.storage::<f32>()[start..end].to_vec(), shape))
    }

    /// `sum(x^2)`, in double precision, of numbers in whatever order they lie.
    pub(crate) fn sum_of_squares<const D: usize>(x: &Tensor<D>) -> f64 {
        let x = x.clone().try_into_primitive::<Flex>().expect("a tensor that serves");
        let whole = Some((0, x.bytes().len() / size_of::<f32>()));
        let x = if x.layout().contiguous_offsets() == whole { x } else { x.to_contiguous() };
        let (start, end) = x.layout().contiguous_offsets().expect("made so");
        let sum = |x: &[f32]| -> f64 {
            let mut sums = [0.0_f64; 8];
            let chunks = x.chunks_exact(8);
            let rest: f64 = chunks.remainder().iter().map(|x| f64::from(*x).powi(2)).sum();
            for chunk in chunks {
                for lane in 0..8 {
                    sums[lane] += f64::from(chunk[lane]) * f64::from(chunk[lane]);
                }
            }
            sums.iter().sum::<f64>() + rest
        };
        let x = &x.storage::<f32>()[start..end];
        if x.len() <= PIECE {
            return sum(x);
        }
        // collected first: the sum must not depend on which core is done first
        x.par_chunks(PIECE).map(sum).collect::<Vec<_>>().iter().sum()
    }
}

/// `sum(x^2)` in one pass where that can be had.
pub(super) fn sum_of_squares<const D: usize>(x: &Tensor<D>) -> f64 {
    #[cfg(feature = "flex")]
    if flex::serves(x) {
        return flex::sum_of_squares(x);
    }
    x.clone().cast(burn::tensor::FloatDType::F32).square().sum().into_scalar::<f64>()
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::Distribution;

    /// Sums of a few products each; burn rounds between its operations in another order.
    const ROUNDING: f32 = 1e-6;

    #[test]
    fn steps_are_those_of_burn() {
        let device = Device::flex();
        let random =
            |shape: [usize; 2]| Tensor::<2>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        for shape in [[3, 5], [300, 701]] {
            let ours = AdamW::new(0.9, 0.95, 1e-8, 0.1);
            let mut weights =
                [random(shape); 1].map(|w| [w.clone(), w]).into_iter().next().unwrap();
            let (mut state, mut plain_state) = (None, None);
            for step in 0..4 {
                let grad = random(shape);
                // once as it comes out of a transposed product
                let strided = if step == 2 {
                    let [rows, columns] = shape;
                    grad.clone()
                        .transpose()
                        .reshape([columns * rows])
                        .reshape([columns, rows])
                        .transpose()
                } else {
                    grad.clone()
                };
                let [a, b] = weights;
                let (a, next) = ours.step(1e-2, a, strided, state);
                let (b, plain_next) = ours.plain.step(1e-2, b, grad, plain_state);
                (state, plain_state) = (next, plain_next);
                let difference = (a.clone() - b.clone()).abs().max().into_scalar::<f32>();
                assert!(difference < ROUNDING, "{shape:?}, step {step}: {difference:e}");
                weights = [a, b];
            }
        }
    }

    #[test]
    fn squares_of_a_part_are_summed_as_it_lies() {
        let x = Tensor::<2>::from_floats([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], &Device::flex());
        assert_eq!(sum_of_squares(&x), 91.0);
        assert_eq!(sum_of_squares(&x.clone().transpose()), 91.0);
        assert_eq!(sum_of_squares(&x.narrow(1, 1, 1)), 29.0);
    }
}
